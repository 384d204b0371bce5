const names = new Intl.DisplayNames('en', { type: 'language', languageDisplay: 'standard', fallback: 'none' })

/**
 * Describes a language to a model: `German (Switzerland)`. It uses only language, script and region of the tag: the private
 * part is free text of a user.
 *
 * @param tag a BCP 47 tag
 */
export function languageName(tag: string): string {
  const base = baseOf(tag)
  if (base === undefined) return 'English'
  const { language, script, region } = base
  // A language without an English name is rare, not invalid.
  return (
    nameOf(base.baseName) ??
    nameOf(language) ??
    `the language with the code ${[language, script, region].filter(Boolean).join('-')}`
  )
}

/** The tag without extensions and private parts, as a locale; `en` for an invalid one. */
export function localeOf(tag: string): string {
  return baseOf(tag)?.baseName ?? 'en'
}

function baseOf(tag: string): Intl.Locale | undefined {
  try {
    const { language, script, region } = new Intl.Locale(tag)
    return new Intl.Locale(language, { ...(script && { script }), ...(region && { region }) })
  } catch {
    return undefined
  }
}

function nameOf(tag: string): string | undefined {
  return names.of(tag)
}
