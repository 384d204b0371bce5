import { got, type Setting, setting, WrongSetting } from '../platform/config/setting.ts'
import type { Finding } from './entry.ts'

const levelNames = ['minimal', 'low', 'medium', 'high'] as const
type Level = (typeof levelNames)[number]

/** How much a model may think: a token budget up to version 2.5 (-1: unlimited), a level from Gemini 3 on. */
export type GeminiThinking = number | Level

export function geminiThinking(): Setting<GeminiThinking> {
  return setting((text) => {
    const level = levelNames.find((one) => one === text)
    const tokens = /^-?\d{1,6}$/.test(text) ? Number(text) : Number.NaN
    if (level !== undefined) return level
    if (tokens >= -1 && tokens <= 32_768) return tokens
    throw new WrongSetting(`must be one of ${levelNames.join(', ')}, or tokens from -1 to 32768${got(text)}`)
  })
}

/** The supported values: https://ai.google.dev/gemini-api/docs/thinking */
const families: readonly {
  readonly names: RegExp
  readonly levels: readonly Level[]
  /** The range of tokens; -1 is always supported. */
  readonly tokens?: readonly [number, number]
  readonly mayBeOff?: true
  /** The least that the model supports. */
  readonly least: GeminiThinking
}[] = [
  { names: /^gemini-2\.5-pro/, levels: [], tokens: [128, 32_768], least: 128 },
  { names: /^gemini-2\.5-flash-lite/, levels: [], tokens: [512, 24_576], mayBeOff: true, least: 0 },
  { names: /^gemini-2\.5-/, levels: [], tokens: [1, 24_576], mayBeOff: true, least: 0 },
  { names: /^gemini-3-pro/, levels: ['low', 'high'], least: 'low' },
  { names: /^gemini-3(\.\d+)?-pro/, levels: ['low', 'medium', 'high'], least: 'low' },
  { names: /^gemini-3(\.\d+)?-flash/, levels: levelNames, least: 'minimal' },
]

/** The settings that a model does not support; all are accepted for an unknown, newer model. */
export function thinkingFindings(model: string, thinking: GeminiThinking | undefined): readonly Finding[] {
  const family = families.find(({ names }) => names.test(model))
  if (thinking === undefined || family === undefined) return []
  const { levels, tokens, mayBeOff } = family
  if (typeof thinking === 'string') {
    if (levels.includes(thinking)) return []
    const instead = tokens ? inTokens(tokens, mayBeOff) : `one of ${levels.join(', ')}`
    return [['THINKING', `must be ${instead} for ${model} (got: ${thinking})`]]
  }
  // Models from 3 on still accept tokens, although levels are recommended.
  if (tokens === undefined || thinking === -1 || (thinking === 0 && mayBeOff)) return []
  if (thinking >= tokens[0] && thinking <= tokens[1]) return []
  return [['THINKING', `must be ${inTokens(tokens, mayBeOff)} for ${model} (got: ${thinking})`]]
}

function inTokens([from, to]: readonly [number, number], mayBeOff: true | undefined): string {
  return `tokens from ${from} to ${to}, ${mayBeOff ? '0 for none, ' : ''}or -1 for as many as it likes,`
}

/** The tokens reserved for default thinking, enough for most requests. */
const levelTokens: Readonly<Record<Level, number>> = { minimal: 512, low: 2_048, medium: 8_192, high: 16_384 }

/** The tokens of an answer that thinking takes. */
export function thinkingTokens(thinking: GeminiThinking | undefined): number {
  if (typeof thinking === 'number') return thinking < 0 ? levelTokens.medium : thinking
  return thinking === undefined ? 0 : levelTokens[thinking]
}

/** The least thinking that the model supports; the configured value for an unknown model. */
export function leastThinking(model: string, set: GeminiThinking | undefined): GeminiThinking | undefined {
  const family = families.find(({ names }) => names.test(model))
  if (family) return family.least
  if (/^gemini-[3-9].*pro/.test(model)) return 'low'
  if (/^gemini-[3-9].*flash/.test(model)) return 'minimal'
  return set
}
