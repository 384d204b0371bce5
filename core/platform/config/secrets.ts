/** Shorter secrets would be found in ordinary words. */
const shortestSecret = 8

/** Whether a key's value is a secret; those of providers are recognised by their ending. */
const isSecret = (key: string) =>
  key.endsWith('_API_KEY') ||
  [
    'S3_SECRET_ACCESS_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'STREAM_SECRET',
    'STREAM_SECRET_PREVIOUS',
    'AUTH_SECRET',
    'AUTH_SECRET_PREVIOUS',
  ].includes(key)

type Configured = Readonly<Record<string, { readonly apiKey?: string | undefined }>>

/** The secrets in an environment or a configuration, including passwords in URLs: no log line may contain them. */
export function secretsOf(settings: object): readonly string[] {
  const given = Object.entries(settings).flatMap(([key, value]) => (isSecret(key) ? [value] : []))
  const { DATABASE_URL: url, providers = {} } = settings as { DATABASE_URL?: unknown; providers?: Configured }
  const password = typeof url === 'string' && URL.canParse(url) ? new URL(url).password : ''
  const keys = Object.values(providers).map(({ apiKey }) => apiKey)
  return [...given, ...keys, password, decodeURIComponent(password)].filter(
    (secret) => typeof secret === 'string' && secret.length >= shortestSecret,
  ) as string[]
}
