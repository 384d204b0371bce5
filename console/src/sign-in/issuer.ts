/** Where people sign in: see `SignInSettings` of core/platform/config/console.ts. */
export interface Issuer {
  /** Its URL. */
  readonly issuer: string
  readonly clientId: string
  readonly scopes: string
  readonly audience: string
}

/** The path under which the issuer sends people back. */
export const returnPath = '/console/signed-in'
