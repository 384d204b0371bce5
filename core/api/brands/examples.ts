import type { BrandSummaryView, BrandVersionView, BrandView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleProfile = {
  name: 'Fernhill Nursery',
  voice: 'Calm and plain, with a dry humour',
  audience: 'People with a garden or a balcony',
  formality: 'informal' as const,
  do: ['Name the workshop'],
  dont: ['Exclamation marks'],
  preferredWords: ['nursery'],
  bannedWords: ['cheap*', 'best in class'],
  facts: { founded: 1987, returns: '30 days' },
  palette: [{ hex: '#14213d', name: 'navy' }],
  defaults: { languages: ['en', 'de'] },
}

export const exampleBrandSummary: BrandSummaryView = {
  brandId: 7,
  name: 'Fernhill Nursery',
  version: 3,
  createdAt: '2026-11-20T09:00:00.000Z',
  updatedAt: '2026-11-23T11:30:00.000Z',
  archivedAt: null,
}

export const exampleBrand: BrandView = { ...exampleBrandSummary, profile: exampleProfile }

export const exampleVersion: BrandVersionView = {
  brandId: 7,
  version: 3,
  createdAt: '2026-11-23T11:30:00.000Z',
  profile: exampleProfile,
}
