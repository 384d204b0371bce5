import { describe, expect, test } from 'vitest'
import { type BrandProfile, differencesOf, profileOf, typedOf } from '../../console/src/brands/profile.ts'

const profile: BrandProfile = {
  name: 'Ostra',
  voice: 'Calm and plain',
  formality: 'formal',
  do: ['Name the workshop'],
  bannedWords: ['cheap*', 'best in class'],
  facts: { founded: 1987, postcode: '04109', handmade: true, glazes: ['oat', 'sand'], opens: '9:00', motto: 'a | b' },
  palette: [{ hex: '#14213d', name: 'navy' }, { hex: '#ffffff' }],
  defaults: { outputFormats: ['social_post', 'alt_text'], languages: ['de', 'en'], platforms: ['instagram'] },
}

describe('a brand in the form', () => {
  test('comes back as it was when nothing is typed: further defaults, and facts of every kind', () => {
    expect(profileOf(typedOf(profile), profile)).toEqual(profile)
    expect(differencesOf(profile, profileOf(typedOf(profile), profile))).toEqual([])
    const least: BrandProfile = { name: 'Ostra' }
    expect(profileOf(typedOf(least), least)).toEqual(least)
  })

  test('has facts of the kind that was typed', () => {
    const facts = 'founded: 1988\nratio: 1.5\nzip: 04109\nhandmade: false\nglazes: oat | moss\nnote: see: below\n\n'
    const typed = { ...typedOf({ name: 'Ostra' }), facts }
    expect(profileOf(typed, { name: 'Ostra' }).facts).toEqual({
      founded: 1988,
      ratio: 1.5,
      zip: '04109',
      handmade: false,
      glazes: ['oat', 'moss'],
      note: 'see: below',
    })
  })

  test('leaves out what was emptied, and puts the chosen default first', () => {
    const typed = {
      ...typedOf(profile),
      voice: ' ',
      do: '\n',
      facts: '',
      palette: [{ hex: ' #ABCDEF ', name: '' }],
      format: 'alt_text' as const,
      platform: '' as const,
    }
    expect(profileOf(typed, profile)).toEqual({
      name: 'Ostra',
      formality: 'formal',
      bannedWords: ['cheap*', 'best in class'],
      palette: [{ hex: '#abcdef' }],
      defaults: { outputFormats: ['alt_text', 'social_post'], languages: ['de', 'en'] },
    })
  })
})

test('two versions differ by what each says alone, field by field, and by order where that is all', () => {
  const { voice: _, ...quiet } = profile
  const after: BrandProfile = {
    ...quiet,
    bannedWords: ['best in class', 'cheap*'],
    facts: { ...profile.facts, founded: 1988 },
    palette: [{ hex: '#14213d', name: 'ink' }, { hex: '#ffffff' }],
  }
  expect(differencesOf(profile, after)).toEqual([
    { field: 'Voice', removed: ['Calm and plain'], added: [] },
    { field: 'Banned words', removed: ['cheap*, best in class'], added: ['best in class, cheap*'] },
    { field: 'Facts', removed: ['founded: 1987'], added: ['founded: 1988'] },
    { field: 'Colours', removed: ['#14213d navy'], added: ['#14213d ink'] },
  ])
})
