import * as z from 'zod'
import { jobId } from '../fields.ts'

/** A job by its id. Apart from the other schemas, since most calls need nothing else of them. */
export const OneJob = z.strictObject({ jobId })
