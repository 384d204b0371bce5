import type { Format } from '../formats/format.ts'
import { type Platform, postLength } from '../platforms.ts'
import type { Finding } from './finding.ts'
import type { TextField } from './texts.ts'

/** The tolerance of a target is a fifth; beyond a half the miss is a warning. */
const tolerance = 1.2
const plainly = 1.5

/**
 * Texts longer than their target, and those too short where the target is a range. Lengths are UTF-16 units, or what the
 * network of a post counts. Limits are never exceeded: the schema enforces them.
 */
export function lengthFindings(
  texts: readonly TextField[],
  content: unknown,
  format: Pick<Format, 'targets'>,
  platform: Platform,
): Finding[] {
  const { lengths = {}, counts = {} } = format.targets?.(platform) ?? {}
  return [
    ...texts.flatMap(({ pointer, text, schema }) => {
      const about = lengths[pointer]
      const target = about ?? targetOf(schema)
      if (target === undefined) return []
      const length = about === undefined ? text.length : postLength(text, platform)
      // A logographic language says in one character what others say in two letters.
      const told = length + (text.match(wide)?.length ?? 0)
      if (length > target * tolerance) return [missed(pointer, length, `at most ${target}`, length > target * plainly)]
      return about !== undefined && told < target / 2 ? [missed(pointer, length, `about ${target}`, false)] : []
    }),
    ...Object.entries(counts).flatMap(([pointer, [least, most]]) => {
      const list = (content as Record<string, unknown>)[pointer.slice(1)]
      const { length } = Array.isArray(list) ? list : []
      if (length >= least && length <= most) return []
      return [missed(pointer, length, least === most ? `${most}` : `${least} to ${most}`, false, 'entries')]
    }),
  ]
}

const wide = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/gu

/** The target in the prompt. */
function targetOf({ hint, maxLength }: TextField['schema']): number | undefined {
  if (maxLength === undefined || hint?.mend === 'hashtag' || hint?.mend === 'verbatim') return undefined
  return hint?.aim ?? Math.floor((maxLength * 4) / 5)
}

function missed(field: string, length: number, target: string, isPlain: boolean, unit = 'characters'): Finding {
  return {
    code: 'length_missed',
    severity: isPlain ? 'warning' : 'info',
    message: `It has ${length} ${unit}; the target is ${target}.`,
    field,
    about: String(length),
  }
}
