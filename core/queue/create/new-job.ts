import type { Facts } from '../../../drizzle/schema.ts'
import type { RequestedSettings } from '../../brands/resolve.ts'

/** Texts to make for a job. Their brand, by default the job's, supplies the fields that are left out. */
export interface RequestedText extends RequestedSettings {
  /** The number of variants; one if left out. */
  readonly variants?: number | undefined
}

/** A job to create. Its brand supplies the fields that are left out. */
export interface NewJob extends RequestedSettings {
  /** Its texts, up to 24 including variants; if left out, the one that the job itself describes. */
  readonly outputs?: readonly RequestedText[] | undefined
  readonly imageUrl: string
  /** The snapshot of the image, if its bytes came with the job. */
  readonly imageId?: number | undefined
  readonly analysisPurpose: string
  /** Facts that the image does not show: material for the writer, unlike the metadata. */
  readonly facts?: Facts | undefined
  readonly metadata?: Record<string, unknown> | undefined
  /** The caller's key and the SHA-256 of the caller's request in hex: the same pair is the same job. */
  readonly idempotency?: { readonly key: string; readonly requestHash: string } | undefined
}

/** A job before its image is stored. */
export type JobWithoutImage = Omit<NewJob, 'imageUrl' | 'imageId'>
