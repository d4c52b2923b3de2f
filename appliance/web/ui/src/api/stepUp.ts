/**
 * Requests that the appliance only takes from somebody who proved lately who they are.
 *
 * Refused with `step_up_required`, a request waits while the person is asked, and is sent again as
 * it was. Several that wait at once are one question.
 */
type Ask = () => Promise<boolean>;

const REQUIRED = 'step_up_required';
let ask: Ask = () => Promise.resolve(false);
let asking: Promise<boolean> | null = null;

/** Has `next` put the question from now on; call what is returned to stop that. */
export function askWith(next: Ask): () => void {
  ask = next;
  return () => { ask = () => Promise.resolve(false); };
}

export function provingFetch(fetcher: (request: Request) => Promise<Response>) {
  return async (request: Request): Promise<Response> => {
    if (request.method === 'GET') return fetcher(request);
    // A body can be read once, and may have to be sent twice. Bytes, for a clone would be a stream,
    // which browsers send over HTTP/2 only.
    const body = await request.arrayBuffer();
    const send = () => fetcher(new Request(request, body.byteLength === 0 ? {} : { body }));
    const response = await send();
    if (response.status !== 403 || !(await wantsProof(response))) return response;
    return (await proved()) ? send() : response;
  };
}

async function wantsProof(response: Response): Promise<boolean> {
  const said: unknown = await response.clone().json().catch(() => null);
  return typeof said === 'object' && said !== null && 'code' in said && said.code === REQUIRED;
}

function proved(): Promise<boolean> {
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}
