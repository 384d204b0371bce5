/** The result of a check: `todo` says what to do where something is wrong. */
export interface Finding {
  readonly check: string
  /** Null where this machine cannot check it. */
  readonly ok: boolean | null
  readonly found: string
  readonly todo: string | null
}

/** A finding without the name of its check. */
export type Found = Omit<Finding, 'check'>

export const ok = (found: string): Found => ({ ok: true, found, todo: null })
export const wrong = (found: string, todo: string): Found => ({ ok: false, found, todo })
export const notChecked = (found: string): Found => ({ ok: null, found, todo: null })
