/**
 * Fetch that asks "has it changed?" before it asks for everything again.
 *
 * Live pages poll. The appliance marks answers with an ETag and `no-store`, so the browser's own
 * cache keeps nothing; here the last answers are held in memory only and gone with the page.
 */
const REMEMBERED_ANSWERS = 64;

interface Remembered { etag: string; body: string; type: string }

export function conditionalFetch(fetcher: (request: Request) => Promise<Response>) {
  const answers = new Map<string, Remembered>();
  return async (request: Request): Promise<Response> => {
    if (request.method !== 'GET') return fetcher(request);
    const known = answers.get(request.url);
    if (known) request.headers.set('If-None-Match', known.etag);
    const response = await fetcher(request);
    if (response.status === 304 && known) return replay(known);
    const etag = response.headers.get('ETag');
    if (response.status !== 200 || etag === null) return response;
    const body = await response.text();
    const answer = { etag, body, type: response.headers.get('Content-Type') ?? 'application/json' };
    answers.delete(request.url);
    answers.set(request.url, answer);
    const oldest = answers.keys().next().value;
    if (answers.size > REMEMBERED_ANSWERS && oldest !== undefined) answers.delete(oldest);
    return replay(answer);
  };
}

function replay(answer: Remembered): Response {
  return new Response(answer.body, {
    status: 200,
    headers: { 'Content-Type': answer.type, ETag: answer.etag },
  });
}
