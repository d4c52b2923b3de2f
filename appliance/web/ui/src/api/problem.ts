import type { ProblemDetails } from './schema';

/** What the appliance refused or failed to do, as its problem details say (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    /** HTTP status; 0 when no answer arrived at all. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail === '' ? title : `${title}: ${detail}`);
  }

  get isUnreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }

  get isConflict(): boolean {
    return this.status === 409 || this.status === 412;
  }

  /** True where asking again may help: no answer, overload or a fault of the appliance. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function problemFrom(status: number, body: unknown): Problem {
  const details = isRecord(body) ? (body as ProblemDetails) : {};
  return new Problem(
    status,
    details.code ?? `http_${status}`,
    details.title ?? `HTTP ${status}`,
    details.detail ?? '',
  );
}

/** Any thrown value as a Problem, so that a page has one kind of failure to show. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return new Problem(0, 'unreachable', '', '');
  return new Problem(0, 'unexpected', '', error instanceof Error ? error.message : String(error));
}

export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
