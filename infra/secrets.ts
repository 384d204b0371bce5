import { keyOf } from '../core/platform/config/providers.ts'
import { capitalised } from './names.ts'
import type { Settings } from './settings.ts'

/** The values that are set by `sst secret set` alone. */
export type Secrets = ReturnType<typeof createSecrets>

/** A function never gets an empty value: see environmentOf. */
const optional = ''

/**
 * The secrets of a stage. A function gets the values of those that it uses in its environment, and no others.
 *
 * @throws while deploying, for each that has no value, with the command that sets it
 */
export function createSecrets({
  hasJwks,
  concurrency: { streaming },
  providers,
}: Pick<Settings, 'hasJwks' | 'concurrency' | 'providers'>) {
  return {
    /** The keys of the providers that serve a step, by their settings: `GEMINI_API_KEY`. */
    providers: Object.fromEntries(
      providers.map((name) => [keyOf(name, 'API_KEY'), new sst.Secret(`${capitalised(name)}ApiKey`)]),
    ),
    /** Signs tokens, and tickets unless they have their own secret. */
    auth: new sst.Secret('AuthSecret', hasJwks ? optional : undefined),
    authPrevious: new sst.Secret('AuthSecretPrevious', optional),
    /** Signs the tickets of watchers. */
    stream: new sst.Secret('StreamSecret', hasJwks && streaming ? undefined : optional),
    streamPrevious: new sst.Secret('StreamSecretPrevious', optional),
  }
}

/** The authentication that the API and the stream function check. */
export function authEnvironment({ auth, authPrevious, stream, streamPrevious }: Secrets) {
  return {
    AUTH_SECRET: auth.value,
    AUTH_SECRET_PREVIOUS: authPrevious.value,
    STREAM_SECRET: stream.value,
    STREAM_SECRET_PREVIOUS: streamPrevious.value,
  }
}
