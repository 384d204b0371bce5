import type { ApiKeyView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleKey: ApiKeyView = {
  keyId: 3,
  name: 'Shop server',
  prefix: 'vpk_3JqX0aZk',
  scopes: ['read', 'write'],
  createdAt: '2026-11-20T09:00:00.000Z',
  expiresAt: null,
  lastUsedAt: '2026-11-23T11:30:00.000Z',
  madeByKeyId: null,
}
