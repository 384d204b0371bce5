import type { AnyRouter } from '@trpc/server'
import type * as z from 'zod'
import type { Meta, Method } from './meta.ts'
import type { Resource } from './resource.ts'
import type { Deferred, ValidatedInput } from './validation.ts'

/** A procedure as REST and the OpenAPI document see it. */
export interface Operation {
  /** As tRPC names it: `visionPipeline.createJob`. */
  readonly path: string
  /** The resource that it belongs to. */
  readonly resource: string
  readonly type: 'query' | 'mutation' | 'subscription'
  readonly meta: Meta
  readonly method: Method
  /** With names in braces: `/v1/jobs/{jobId}`. */
  readonly template: string
  /** Which of the input's fields are in the path. */
  readonly pathFields: readonly string[]
  readonly input: Deferred<z.ZodType>
  /** The input's fields. */
  readonly fields: Deferred<Fields>
  /**
   * An input from text: fields of the path, or parameters of the query, which may be repeated where the field is a list.
   * A text that does not look like its field's type stays text, for the schema to refuse.
   */
  readonly fromText: (params: URLSearchParams) => Promise<Record<string, unknown>>
}

/** The fields of an input, by their names. */
export type Fields = Readonly<Record<string, z.core.$ZodType>>

/** Reads the router's procedures; fixed paths come before paths with a field, so that they are matched first. */
export function operationsOf(router: AnyRouter, resources: readonly Resource[]): readonly Operation[] {
  const operations = Object.entries<{ _def: Definition }>(router._def.procedures as never).map(([path, procedure]) => {
    const { meta, inputs, type } = procedure._def
    const input = inputs[0]?.schema
    const resource = resources.find(({ procedures }) => Object.hasOwn(procedures, path.split('.').at(-1) ?? ''))
    if (meta === undefined || input === undefined || resource === undefined) {
      throw new Error(`${path} has no meta, no input or no resource`)
    }
    const [method, template] = meta.rest.split(' ') as [Method, string]
    const pathFields = [...template.matchAll(/\{(\w+)\}/g)].map(([, field]) => field ?? '')
    const fields = async () => fieldsOf(await input())
    const ids: TextFields = Object.fromEntries((inputs[0]?.ids ?? []).map((name) => [name, 'id']))
    const fromText = async (params: URLSearchParams) => {
      const hasIdsAlone = [...params.keys()].every((name) => Object.hasOwn(ids, name))
      return inputFromText(hasIdsAlone ? ids : await fields(), params)
    }
    return { path, resource: resource.name, type, meta, method, template, pathFields, input, fields, fromText }
  })
  return operations.sort((a, b) => a.pathFields.length - b.pathFields.length)
}

interface Definition {
  readonly type: 'query' | 'mutation' | 'subscription'
  readonly meta?: Meta
  readonly inputs: readonly ValidatedInput<z.ZodType>[]
}

function fieldsOf(input: z.core.$ZodType): Fields {
  const schema = innermost(input)
  if (schema.type !== 'object') throw new Error('the input of a procedure is an object')
  return schema.shape
}

/** The fields as far as text is read by them: ids are whole numbers. */
type TextFields = Readonly<Record<string, z.core.$ZodType | 'id'>>

function inputFromText(fields: TextFields, params: URLSearchParams): Record<string, unknown> {
  const names = [...new Set(params.keys())]
  return Object.fromEntries(names.map((name) => [name, fromText(fieldOf(fields, name), params.getAll(name))]))
}

/** A name from outside may be one that every object has: `constructor`, `__proto__`. */
function fieldOf(fields: TextFields, name: string): z.core.$ZodType | 'id' | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

function fromText(field: z.core.$ZodType | 'id' | undefined, texts: readonly string[]): unknown {
  const schema = field === 'id' ? ({ type: 'number' } as const) : field && innermost(field)
  if (schema?.type === 'array') return texts.map((text) => fromText(schema.element, [text]))
  const [text] = texts
  if (texts.length !== 1 || text === undefined) return texts
  if (schema?.type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  if (schema?.type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  return text
}

/** The inner schema, without its wrappers: optional, a default, a transformation. */
function innermost(schema: z.core.$ZodType): z.core.$ZodTypes['_zod']['def'] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  if ('innerType' in def) return innermost(def.innerType as z.core.$ZodType)
  return def.type === 'pipe' ? innermost(def.in) : def
}
