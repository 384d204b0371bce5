import type { UploadView } from './schema.ts'

// An example for the OpenAPI document; a test holds it against its schema.

export const exampleUpload: UploadView = {
  url: 'https://images.s3.amazonaws.com/',
  fields: {
    key: 'uploads/0f1e/2c3d',
    'Content-Type': 'image/jpeg',
    Policy: 'eyJleHBpcmF0aW9uIjo',
    'X-Amz-Signature': '5d67',
  },
  present: false,
  imageUrl: 'upload:uploads/0f1e/2c3d',
  expiresAt: '2026-11-23T12:10:00.000Z',
}
