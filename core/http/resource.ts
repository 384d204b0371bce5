import type { AnyProcedure } from '@trpc/server'
import type * as z from 'zod'
import type { Deferred } from './validation.ts'

/** A resource of the API: the content of one folder. */
export interface Resource<Procedures extends Record<string, AnyProcedure> = Record<string, AnyProcedure>> {
  /** Its tag in the OpenAPI document. */
  readonly name: string
  readonly description: string
  /** By their names in tRPC and in the document. */
  readonly procedures: Procedures
  /** What the service posts to its users, by the name of the event. */
  readonly webhooks?: Readonly<Record<string, WebhookMeta>>
}

/** The part of an event in the OpenAPI document. */
export interface WebhookMeta {
  readonly payload: Deferred<z.ZodType>
  readonly example: unknown
}

type ProceduresOf<Resources extends readonly Resource[]> = Resources extends readonly [
  infer First extends Resource,
  ...infer Rest extends readonly Resource[],
]
  ? First['procedures'] & ProceduresOf<Rest>
  : unknown

/** The procedures of all resources together. */
export function proceduresOf<const Resources extends readonly Resource[]>(
  resources: Resources,
): ProceduresOf<Resources> {
  return Object.assign({}, ...resources.map(({ procedures }) => procedures))
}
