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
    // A body can be read once: what may have to be sent again is copied before.
    const again = request.method === 'GET' ? null : request.clone();
    const response = await fetcher(request);
    if (again === null || response.status !== 403 || !(await wantsProof(response))) return response;
    return (await proved()) ? fetcher(again) : response;
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
