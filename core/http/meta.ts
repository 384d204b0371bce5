import type * as z from 'zod'
import type { ErrorCode } from '../domain/errors.ts'
import type { Scope } from '../platform/auth.ts'
import type { Deferred } from './validation.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Whether a request of this method has its input in the body, and not in the query. */
export const takesBody = (method: Method): boolean => ['POST', 'PUT', 'PATCH'].includes(method)

/** What is said of an operation that is to go. */
export interface Deprecation {
  /** The day, UTC, since which it should not be used any more: `2026-11-27`. */
  readonly since: string
  /** The day, UTC, on which it stops to work, once that is known. */
  readonly sunset?: string
  /** Where it says what to use instead: a URL, absolute or of this API. */
  readonly link: string
}

/** The metadata of a procedure: its REST route and its part of the OpenAPI document. */
export interface Meta {
  /** The method and path; names in braces are fields of the input. */
  readonly rest: `${Method} /${string}`
  /** The status of a success in REST. */
  readonly status: 200 | 201 | 204
  readonly summary: string
  readonly description: string
  /** What the caller's credential must allow; the document says so too. */
  readonly scope: Scope
  /** The errors that it can end in, beyond those that every procedure can. */
  readonly errors: readonly ErrorCode[]
  /** Answers with server-sent events, and resumes after a `Last-Event-ID`. */
  readonly streams?: true
  /** Takes an `Idempotency-Key` header, and answers a repetition with 200. */
  readonly idempotent?: true
  /** Answers with an `ETag`; a GET is answered with 304 where `If-None-Match` matches it. */
  readonly versioned?: true
  /**
   * Changes what the caller has read, as the `If-Match` header says (RFC 9110, section 13.1.1): 412 where it was changed
   * meanwhile, 428 where the caller does not say.
   */
  readonly conditional?: true
  /** Waits, as long as `Prefer: wait` allows, for the next change, or for the end. */
  readonly waits?: 'change' | 'end'
  /** Counts against the caller's quotas, and shows the rest of them in headers. */
  readonly limited?: true
  /** Takes a body of this media type as well: the text of one field. */
  readonly takesText?: { readonly type: string; readonly field: string }
  /** The media types, beside JSON, in which it can be had. */
  readonly media?: readonly string[]
  /** It is to go: every answer says so, in both protocols, and the document does. */
  readonly deprecated?: Deprecation
  /** Names the created resource in a `Location` header. */
  readonly locates?: true
  /**
   * What the reply looks like, for the document alone: checked at run time, a row of an earlier release could turn a
   * read into a 500.
   */
  readonly output?: Deferred<z.ZodType>
  readonly example?: { readonly request?: unknown; readonly reply?: unknown }
}
