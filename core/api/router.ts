import { proceduresOf } from '../http/resource.ts'
import { operator } from './admin/procedures.ts'
import { batches } from './batches/procedures.ts'
import { brands } from './brands/procedures.ts'
import { estimates } from './estimate/procedures.ts'
import { events } from './events/procedures.ts'
import { eventsTickets } from './events/tickets.ts'
import { jobs } from './jobs/procedures.ts'
import { keys } from './keys/procedures.ts'
import { router } from './procedure.ts'
import { texts } from './texts/procedures.ts'
import { uploads } from './uploads/procedures.ts'
import { usage } from './usage/procedures.ts'
import { webhooks } from './webhooks/procedures.ts'

/** The resources of the API: each is a folder here with its procedures, their schemas, views and examples. */
export const resources = [
  jobs,
  texts,
  batches,
  estimates,
  events,
  eventsTickets,
  uploads,
  brands,
  keys,
  webhooks,
  usage,
  operator,
] as const

/** Every procedure of the API, from which tRPC, REST and the OpenAPI document are derived. */
export const appRouter = router({ visionPipeline: router(proceduresOf(resources)) })

/** The type that tRPC clients use. */
export type AppRouter = typeof appRouter
