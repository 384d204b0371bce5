/** What a check found: `todo` says what to do where it is not as it should be. */
export interface Finding {
  readonly check: string
  /** Null where it could not be checked from here. */
  readonly ok: boolean | null
  readonly found: string
  readonly todo: string | null
}

/** The same without the name of the check. */
export type Found = Omit<Finding, 'check'>

export const ok = (found: string): Found => ({ ok: true, found, todo: null })
export const wrong = (found: string, todo: string): Found => ({ ok: false, found, todo })
export const notChecked = (found: string): Found => ({ ok: null, found, todo: null })
