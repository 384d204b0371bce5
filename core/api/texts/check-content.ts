import type * as z from 'zod'
import { createBrandLoader } from '../../brands/load.ts'
import type { Database } from '../../database/client.ts'
import { fieldProblemsOf, InvalidInput } from '../../http/invalid-input.ts'
import { describeIssue } from '../../http/validation.ts'
import type { BrandAnalysis } from '../../pipeline/analysis.ts'
import { findingsIn } from '../../pipeline/findings.ts'
import type { Format } from '../../pipeline/formats/format.ts'
import { type Content, formats, type OutputFormat } from '../../pipeline/formats.ts'
import type { JobWithOutputs } from '../../queue/read/read.ts'
import type { TextRow } from '../../queue/rows/texts.ts'

/** A job, and one of its texts. */
export type JobWithText = JobWithOutputs & { readonly text: TextRow }

/**
 * A user's text in the shape of its format, with its findings.
 *
 * @throws InvalidInput with every invalid field
 */
export async function checkContent(
  database: Database,
  { job, text, outputs }: JobWithText,
  content: Record<string, unknown>,
) {
  const format = text.outputFormat as OutputFormat
  const { schema }: Format = formats[format]
  const unknown = Object.keys(content).filter((name) => !Object.hasOwn((schema as z.ZodObject).shape, name))
  const parsed = schema.safeParse(content, { error: describeIssue })
  const issues = [
    ...(parsed.error?.issues ?? []),
    ...(unknown.length > 0 ? [{ code: 'unrecognized_keys' as const, keys: unknown, path: [], message: '' }] : []),
  ]
  if (issues.length > 0 || !parsed.success) {
    throw new InvalidInput(fieldProblemsOf(issues.map((issue) => ({ ...issue, path: ['content', ...issue.path] }))))
  }
  const analysis = outputs.find(({ kind }) => kind === 'analysis')
  const brand = await createBrandLoader(database)(text)
  const { analysisPurpose: purpose, facts } = job
  const body = parsed.data as Content
  const findings = analysis
    ? findingsIn(body, {
        format,
        purpose,
        facts,
        brand,
        platform: text.platform,
        analysis: analysis.body as BrandAnalysis,
      })
    : []
  return { body, findings }
}
