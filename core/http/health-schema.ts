import * as z from 'zod'

/** What is said of the service's health. */
export const Health = z.object({ status: z.enum(['ok', 'unavailable']) }).meta({ id: 'Health' })
export type HealthView = z.infer<typeof Health>
