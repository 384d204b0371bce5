// How Pulumi marks a secret between a program and its engine.
const mark = '4dabf18193072939515e22adb298388d'
const isSecret = (value: object): value is { value: unknown } => mark in value

/** A value with its secrets laid open. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  if (isSecret(value)) return withoutSecrets(value.value)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one)]))
}

/** The keys whose values are secret. */
export function secretsOf(inputs: object): string[] {
  return Object.entries(inputs).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && isSecret(value) ? [key] : [],
  )
}
