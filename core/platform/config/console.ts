import { type Environment, environment, load, type Rule } from './load.ts'
import { isWebUrl, setting, text, type Values, WrongSetting } from './setting.ts'
import { auth, missingIn } from './shared.ts'

const scopes = setting((given) => {
  if (given.split(' ').includes('openid')) return given
  throw new WrongSetting('must be scopes with a space between them, openid among them')
})
const origin = setting((given) => {
  if (isWebUrl(given) && new URL(given).origin === given) return given
  throw new WrongSetting('must be an origin like https://login.example.com')
})

export const consoleKeys = {
  AUTH_JWKS_URL: auth.AUTH_JWKS_URL,
  AUTH_ISSUER: auth.AUTH_ISSUER,
  AUTH_AUDIENCE: auth.AUTH_AUDIENCE,
  CONSOLE_CLIENT_ID: text().optional(),
  CONSOLE_SCOPES: scopes.or('openid'),
  CONSOLE_TOKEN_ORIGIN: origin.optional(),
}

/** The configuration of the console's pages. */
export type ConsoleConfig = Values<typeof consoleKeys>

const consoleRule: Rule<Partial<ConsoleConfig>> = (config) => {
  const missing = missingIn<Partial<ConsoleConfig>>(config)
  if (config.CONSOLE_CLIENT_ID === undefined) return []
  return [
    ...missing('AUTH_JWKS_URL', 'with CONSOLE_CLIENT_ID'),
    ...missing('AUTH_ISSUER', 'with CONSOLE_CLIENT_ID'),
    ...missing('AUTH_AUDIENCE', 'with CONSOLE_CLIENT_ID'),
    // OpenID Connect Discovery 1.0, section 3.
    ...(config.AUTH_ISSUER === undefined || isWebUrl(config.AUTH_ISSUER)
      ? []
      : [['AUTH_ISSUER', 'must be a URL like https://login.example.com, with CONSOLE_CLIENT_ID'] as const]),
  ]
}

/** @throws ConfigError */
export function loadConsoleConfig(env: Environment = environment()): ConsoleConfig {
  return load(consoleKeys, env, consoleRule)
}

/** What a page of the console has to know to send its reader to the issuer of tokens, and back. Nothing of it is secret. */
export interface SignInSettings {
  readonly issuer: string
  readonly clientId: string
  /** With a space between them. */
  readonly scopes: string
  /** The `aud` that its tokens must carry. */
  readonly audience: string
}

/** How people sign in to the console: undefined means with an API key or a token alone. */
export function signInOf(config: ConsoleConfig): SignInSettings | undefined {
  const { CONSOLE_CLIENT_ID: clientId, CONSOLE_SCOPES: scopes, AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = config
  if (clientId === undefined || issuer === undefined || audience === undefined) return undefined
  return { issuer, clientId, scopes, audience }
}

/** The origins that a page calls to sign in: the issuer's, and that of its token endpoint where it is another. */
export function signInOrigins(config: ConsoleConfig): readonly string[] {
  const signIn = signInOf(config)
  if (signIn === undefined) return []
  return [...new Set([new URL(signIn.issuer).origin, config.CONSOLE_TOKEN_ORIGIN ?? []].flat())]
}
