import { mutations } from './mutations.ts'

/**
 * A file of the configuration with the named mistake in it; other files as they are.
 *
 * @throws if the text is not there exactly once, so that no mistake goes stale
 */
export function mutated(name: string, file: string, source: string): string {
  const mutation = mutations[name]
  if (!mutation) throw new Error(`There is no mutation '${name}'.`)
  if (mutation.file !== file) return source
  const parts = source.split(mutation.text)
  if (parts.length !== 2) throw new Error(`'${name}': ${parts.length - 1} places in ${file} instead of one`)
  return parts.join(mutation.instead)
}
