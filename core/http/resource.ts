import type { AnyProcedure } from '@trpc/server'

/** A resource of the API: the content of one folder. */
export interface Resource<Procedures extends Record<string, AnyProcedure> = Record<string, AnyProcedure>> {
  /** Its tag in the OpenAPI document. */
  readonly name: string
  readonly description: string
  /** By their names in tRPC and in the document. */
  readonly procedures: Procedures
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
