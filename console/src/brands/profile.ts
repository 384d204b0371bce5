import type { components } from '../../../client/src/openapi.ts'
import { factLines, factsOf, factText, linesOf } from '../ui/facts.ts'
import { type Format, formatNames } from '../ui/texts.ts'

export type BrandProfile = components['schemas']['BrandProfile']
type Defaults = NonNullable<BrandProfile['defaults']>
export type Platform = NonNullable<Defaults['platforms']>[number]
type Formality = NonNullable<BrandProfile['formality']>

/** A profile as it is typed: lists have a line for each entry, facts a line `name: value`. */
export interface TypedProfile {
  readonly name: string
  readonly voice: string
  readonly audience: string
  readonly formality: Formality | ''
  readonly do: string
  readonly dont: string
  readonly preferredWords: string
  readonly bannedWords: string
  readonly facts: string
  readonly palette: readonly { readonly hex: string; readonly name: string }[]
  readonly format: Format | ''
  readonly language: string
  readonly platform: Platform | ''
}

export function typedOf(profile: BrandProfile): TypedProfile {
  const lines = (list: readonly string[] | undefined) => (list ?? []).join('\n')
  return {
    name: profile.name,
    voice: profile.voice ?? '',
    audience: profile.audience ?? '',
    formality: profile.formality ?? '',
    do: lines(profile.do),
    dont: lines(profile.dont),
    preferredWords: lines(profile.preferredWords),
    bannedWords: lines(profile.bannedWords),
    facts: factLines(profile.facts ?? {}),
    palette: (profile.palette ?? []).map(({ hex, name }) => ({ hex, name: name ?? '' })),
    format: profile.defaults?.outputFormats?.[0] ?? '',
    language: profile.defaults?.languages?.[0] ?? '',
    platform: profile.defaults?.platforms?.[0] ?? '',
  }
}

/**
 * The profile that was typed. What the form does not show of the one before stays: further defaults, and the kinds of facts that still say the same.
 *
 * @param before the profile that the form began with
 */
export function profileOf(typed: TypedProfile, before: BrandProfile): BrandProfile {
  const { voice, audience, formality } = typed
  const texts = { voice: voice.trim(), audience: audience.trim(), formality }
  const lists = {
    do: linesOf(typed.do),
    dont: linesOf(typed.dont),
    preferredWords: linesOf(typed.preferredWords),
    bannedWords: linesOf(typed.bannedWords),
    palette: typed.palette
      .filter(({ hex }) => hex.trim() !== '')
      .map(({ hex, name }) => ({ hex: hex.trim().toLowerCase(), ...(name.trim() && { name: name.trim() }) })),
  }
  const facts = factsOf(typed.facts, before.facts ?? {})
  const defaults = defaultsOf(typed, before.defaults ?? {})
  return {
    name: typed.name.trim(),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(Object.keys(facts).length > 0 && { facts }),
    ...(Object.keys(defaults).length > 0 && { defaults }),
  }
}

/** What is typed comes first of its list: that is what a job is made with. */
function defaultsOf({ format, language, platform }: TypedProfile, before: Defaults): Defaults {
  const lists = {
    outputFormats: first(format, before.outputFormats),
    languages: first(language.trim(), before.languages),
    platforms: first(platform, before.platforms),
  }
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
}

function first(chosen: string, list: readonly string[] = []): readonly string[] {
  if (chosen === '') return []
  return list.includes(chosen) ? [chosen, ...list.filter((one) => one !== chosen)] : [chosen, ...list.slice(1)]
}

/** What a field says in one version and not in the other. */
export interface Difference {
  readonly field: string
  readonly removed: readonly string[]
  readonly added: readonly string[]
}

const fieldNames: Readonly<Record<keyof BrandProfile, string>> = {
  name: 'Name',
  voice: 'Voice',
  audience: 'Audience',
  formality: 'Address',
  do: 'Do',
  dont: 'Don’t',
  preferredWords: 'Words to use',
  bannedWords: 'Banned words',
  facts: 'Facts',
  palette: 'Colours',
  defaults: 'Defaults',
}

/** What changed from one profile to the next, in the order of the form. */
export function differencesOf(before: BrandProfile, after: BrandProfile): readonly Difference[] {
  return (Object.keys(fieldNames) as (keyof BrandProfile)[]).flatMap((field) => {
    const [old, now] = [entriesOf(before, field), entriesOf(after, field)]
    const removed = old.filter((entry) => !now.includes(entry))
    const added = now.filter((entry) => !old.includes(entry))
    const isMoved = removed.length === 0 && added.length === 0 && old.join('\n') !== now.join('\n')
    if (isMoved) return [{ field: fieldNames[field], removed: [old.join(', ')], added: [now.join(', ')] }]
    return removed.length + added.length === 0 ? [] : [{ field: fieldNames[field], removed, added }]
  })
}

function entriesOf(profile: BrandProfile, field: keyof BrandProfile): readonly string[] {
  const value = profile[field]
  if (value === undefined) return []
  if (field === 'palette') return (profile.palette ?? []).map(({ hex, name }) => (name ? `${hex} ${name}` : hex))
  if (field === 'facts') return Object.entries(profile.facts ?? {}).map(([name, fact]) => `${name}: ${factText(fact)}`)
  if (field === 'defaults') {
    const { outputFormats = [], languages = [], platforms = [] } = profile.defaults ?? {}
    return [...outputFormats.map((format) => formatNames[format]), ...languages, ...platforms]
  }
  return Array.isArray(value) ? (value as readonly string[]) : [String(value)]
}
