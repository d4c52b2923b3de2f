import type { ProblemDetails } from './schema';

/** What operations of the contract are made of, as openapi-typescript writes them. */
export interface Answer<T> { headers: Record<string, unknown>; content: { 'application/json': T } }
export interface Refusal { headers: Record<string, unknown>; content: { 'application/problem+json': ProblemDetails } }
export interface Answers<T> { 200: Answer<T>; 201: Answer<T>; default: Refusal }
export interface Empty { 204: { headers: Record<string, unknown>; content?: never }; default: Refusal }
export interface Operation<Query, Path, Responses, Header = never> {
  parameters: { query?: Query; path: Path; header?: Header; cookie?: never };
  requestBody?: never;
  responses: Responses;
}
export interface Sent<Body, Path, Responses, Header = never> {
  parameters: { query?: never; path: Path; header?: Header; cookie?: never };
  requestBody: { content: { 'application/json': Body } };
  responses: Responses;
}
export type None = Record<string, never> | undefined;
export interface OpenOperation<Query, Responses> {
  parameters: { query?: Query; path?: never; header?: never; cookie?: never };
  requestBody?: never;
  responses: Responses;
}
export interface OpenSent<Body, Responses> {
  parameters: { query?: never; path?: never; header?: never; cookie?: never };
  requestBody: { content: { 'application/json': Body } };
  responses: Responses;
}
export interface Keyset { limit?: number; cursor?: string }
export interface ById { id: string }
interface Nothing { requestBody?: never }
/** A change that needs no words: only its address. */
export interface Ordered<Path, Responses> extends Nothing {
  parameters: { query?: never; path: Path; header?: never; cookie?: never };
  responses: Responses;
}
export interface OpenOrdered<Responses> extends Nothing {
  parameters: { query?: never; path?: never; header?: never; cookie?: never };
  responses: Responses;
}
