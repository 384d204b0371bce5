/** What came back over HTTP, before an SDK has made anything of it. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined where the body is no JSON. */
  readonly json: unknown
}
