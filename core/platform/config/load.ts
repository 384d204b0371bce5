import { type Shape, type Values, WrongSetting } from './setting.ts'

/** Settings are missing or wrong. The message names every such key, and no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Constraints between settings: each violated key, and why. */
export type Rule<Config> = (config: Config) => readonly (readonly [key: string, why: string])[]

/** The environment. Nothing else reads it. */
export function environment(): Environment {
  return { ...process.env }
}

/**
 * Reads settings from an environment, in which an empty value in `.env` counts as missing.
 *
 * @param rule the constraints; gets the valid settings, the others being undefined
 * @throws ConfigError with one line for each key that is missing or wrong
 */
export function load<Keys extends Shape>(
  keys: Keys,
  env: Environment,
  rule: Rule<Partial<Values<Keys>>> = () => [],
): Values<Keys> {
  const values: Record<string, unknown> = {}
  const wrong = new Map<string, string>()
  for (const [key, setting] of Object.entries(keys)) {
    try {
      const value = setting.read(env[key] || undefined)
      if (value !== undefined) values[key] = value
    } catch (error) {
      if (!(error instanceof WrongSetting)) throw error
      wrong.set(key, error.message)
    }
  }
  const found = rule(values as Partial<Values<Keys>>)
  for (const [key, why] of found) if (!wrong.has(key)) wrong.set(key, why)
  if (wrong.size > 0) throw new ConfigError(linesOf(wrong))
  return values as Values<Keys>
}

function linesOf(wrong: ReadonlyMap<string, string>): string {
  return ['Settings are missing or wrong:', ...[...wrong].map(([key, why]) => `  ${key} ${why}`)].join('\n')
}
