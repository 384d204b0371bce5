import * as z from 'zod'
import { describeCode, type ErrorCode, errorCodes } from '../domain/errors.ts'
import { fieldCodes, maxFieldProblems } from './invalid-input.ts'

/** The codes that a call can be refused with. */
const refusals = (Object.keys(errorCodes) as ErrorCode[]).filter(
  (code) => describeCode(code).status !== undefined || code === 'internal.error',
)

/** An error in REST (RFC 9457). */
export const Problem = z
  .object({
    type: z.string().meta({
      description:
        'Where the error is described: relative to the address of the call, and the same for the same `code`.',
      examples: ['/problems/job.not_found'],
    }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'A sentence for people.' }),
    code: z.enum(refusals).meta({ description: 'A stable code for programs.', examples: ['job.not_found'] }),
    requestId: z.string().meta({ description: 'Name it when you report the problem.' }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'Where in the input: a JSON pointer.', examples: ['#/metadata'] }),
          code: z.enum([...fieldCodes, ...refusals]).meta({ description: 'What is wrong with it; stable.' }),
          detail: z.string(),
          jobId: z.int().optional().meta({ description: 'The job that has the idempotency key.' }),
        }),
      )
      .max(maxFieldProblems)
      .optional(),
  })
  .meta({ id: 'Problem' })

export type ProblemView = z.infer<typeof Problem>
