/** The problem with a setting, in words that follow its key: "is missing", "must be …". */
export class WrongSetting extends Error {
  override readonly name = 'WrongSetting'
}

/** One key of the environment: its valid values, and their meaning. */
export interface Setting<Value> {
  /**
   * @param text the value of the key; undefined if it is not set
   * @throws WrongSetting
   */
  read(text: string | undefined): Value
  optional(): Setting<Value | undefined>
  or(fallback: Value): Setting<Value>
}

/** Settings by their keys. */
export type Shape = Readonly<Record<string, Setting<unknown>>>

type ValueOf<One> = One extends Setting<infer Value> ? Value : never
type OptionalKeys<Keys extends Shape> = {
  [Key in keyof Keys]: undefined extends ValueOf<Keys[Key]> ? Key : never
}[keyof Keys]

/** The parsed values of settings. */
export type Values<Keys extends Shape> = {
  readonly [Key in Exclude<keyof Keys, OptionalKeys<Keys>>]: ValueOf<Keys[Key]>
} & { readonly [Key in OptionalKeys<Keys>]?: ValueOf<Keys[Key]> }

/** @param parse turns a text into its value; throws WrongSetting for an invalid one */
export function setting<Value>(parse: (text: string) => Value): Setting<Value> {
  const withAbsent = <Absent>(absent: () => Absent): Setting<Value | Absent> => ({
    read: (text) => (text === undefined ? absent() : parse(text)),
    optional: () => withAbsent(() => undefined) as Setting<Value | Absent | undefined>,
    or: (fallback) => withAbsent(() => fallback),
  })
  return withAbsent<Value>(() => {
    throw new WrongSetting('is missing')
  })
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  /** The reason for the bounds. */
  readonly because?: string
}

/** A whole number, 1 or more by default. */
export function wholeNumber({ min = 1, max, because }: Bounds = {}): Setting<number> {
  return setting((text) => {
    const value = numberIn(text)
    if (Number.isSafeInteger(value) && value >= min && value <= (max ?? value)) return value
    const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`
    throw new WrongSetting(`must be a whole number ${range}${because ? `, ${because}` : ''}${got(text)}`)
  })
}

/** A number above 0, or between inclusive bounds. */
export function decimal({ min, max, because }: Bounds = {}): Setting<number> {
  return setting((text) => {
    const value = numberIn(text)
    if (Number.isFinite(value) && (min === undefined ? value > 0 : value >= min) && value <= (max ?? value))
      return value
    const above = min === undefined ? 'above 0' : `of ${min} or more`
    const range = max === undefined ? above : min === undefined ? `above 0, up to ${max}` : `from ${min} to ${max}`
    throw new WrongSetting(`must be a number ${range}${because ? `, ${because}` : ''}${got(text)}`)
  })
}

/** One of several words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Setting<Word> {
  return setting((text) => {
    const word = words.find((one) => one === text)
    if (word !== undefined) return word
    throw new WrongSetting(`must be one of ${words.join(', ')}${got(text)}`)
  })
}

/** A text that messages do not show. */
export function text({ min = 1 }: { readonly min?: number } = {}): Setting<string> {
  return setting((given) => {
    if (given.length >= min) return given
    throw new WrongSetting(`must be at least ${min} characters long`)
  })
}

/** What a request carries to be let in, without the space or line break that a copied one often ends with. */
export function accessKey(): Setting<string> {
  return setting((given) => {
    const key = given.trim()
    if (/^[\x21-\x7e]+$/.test(key)) return key
    throw new WrongSetting('must be the key and nothing else: it has a space, a line break or an invisible character')
  })
}

/** A signing key: long enough to withstand a brute-force search. */
export function signingSecret(): Setting<string> {
  return setting((given) => {
    if (Buffer.byteLength(given) >= 32) return given
    throw new WrongSetting('must be at least 32 bytes long')
  })
}

/** A URL to which secrets are sent, or from which trusted keys are fetched. */
export function webUrl(): Setting<string> {
  return setting((given) => {
    if (isWebUrl(given)) return given
    const scheme = URL.canParse(given) ? new URL(given).protocol : ''
    throw new WrongSetting(
      scheme === 'http:'
        ? 'must be https, or http on this machine alone (localhost, 127.0.0.1)'
        : 'must be a URL like https://host/path',
    )
  })
}

/** Whether a URL is https, or http on this machine. */
export function isWebUrl(given: string): boolean {
  if (!URL.canParse(given)) return false
  const { protocol, hostname } = new URL(given)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

/** Whether a URL's host is this machine, so that the connection cannot be intercepted. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

/** Longer texts may be misplaced secrets, and are not shown. */
const longestTold = 16

/** How a message shows the value of a setting that is not a secret. */
export function got(given: string): string {
  return given.length <= longestTold ? ` (got: ${given})` : ''
}

/** NaN for a text that is not a decimal number: not for a blank, nor for `0x10`. */
function numberIn(given: string): number {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(given) ? Number(given) : Number.NaN
}
