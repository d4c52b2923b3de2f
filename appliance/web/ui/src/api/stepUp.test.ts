import { describe, expect, it } from 'vitest';

import { askWith, provingFetch } from './stepUp';

const REFUSED = () => Response.json({ code: 'step_up_required' }, { status: 403 });

function appliance(isProved: () => boolean) {
  const seen: string[] = [];
  const fetcher = provingFetch(async (request) => {
    seen.push(`${request.method} ${await request.text()}`);
    return isProved() ? new Response(null, { status: 204 }) : REFUSED();
  });
  return { seen, send: (body: string) => fetcher(new Request('http://x/api', { method: 'POST', body })) };
}

describe('a request that wants a fresh proof', () => {
  it('is sent again as it was once the person has proved it', async () => {
    let proved = false;
    askWith(() => { proved = true; return Promise.resolve(true); });
    const { seen, send } = appliance(() => proved);

    const answer = await send('{"name":"x"}');

    expect(answer.status).toBe(204);
    expect(seen).toEqual(['POST {"name":"x"}', 'POST {"name":"x"}']);
  });

  it('stays refused, with its answer readable, if the person would rather not', async () => {
    askWith(() => Promise.resolve(false));
    const { seen, send } = appliance(() => false);

    const answer = await send('1');

    expect([answer.status, await answer.json(), seen.length]).toEqual([403, { code: 'step_up_required' }, 1]);
  });

  it('asks once for several that wait', async () => {
    let proved = false;
    let questions = 0;
    askWith(async () => {
      questions += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      proved = true;
      return true;
    });
    const { send } = appliance(() => proved);

    const answers = await Promise.all([send('1'), send('2')]);

    expect([questions, ...answers.map((one) => one.status)]).toEqual([1, 204, 204]);
  });

  it('is not repeated without end', async () => {
    askWith(() => Promise.resolve(true));
    const { seen, send } = appliance(() => false);

    const answer = await send('1');

    expect([answer.status, seen.length]).toEqual([403, 2]);
  });

  it('is told apart from what is simply not permitted', async () => {
    askWith(() => { throw new Error('nobody is to be asked'); });
    const fetcher = provingFetch(() => Promise.resolve(Response.json({ code: 'not_permitted' }, { status: 403 })));

    expect((await fetcher(new Request('http://x/', { method: 'DELETE' }))).status).toBe(403);
  });
});
