import type { Step } from '../../drizzle/schema.ts'
import type { ErrorCode } from '../errors.ts'
import type { CallContext } from '../providers/call.ts'
import { kindOf } from '../providers/kinds.ts'
import type { Model } from '../providers/model.ts'
import { type RandomBytes, traceparentOf } from '../trace.ts'
import { parseAnswer } from './accept-answer.ts'
import { BrandAnalysis } from './analysis.ts'
import { type Content, formats, type OutputFormat } from './formats.ts'
import { analysisRequest, contentRequest } from './prompts.ts'

/** What the steps need to know of a job. */
export interface PipelineJob {
  readonly analysisPurpose: string
  readonly outputFormat: string
  readonly language: string
  /** In 32 hex digits. */
  readonly traceId: string | null
  /** How the job's last run failed, if it did. */
  readonly lastErrorCode?: ErrorCode | null | undefined
}

/** Brings a job's image, and takes note when its bytes are needed no more: they weigh. */
export type LoadImage<Job> = (
  job: Job,
  signal: AbortSignal,
) => Promise<{ readonly bytes: Uint8Array; readonly type: string; readonly release: () => void }>

/** An answer that fits, and the model that gave it, as the provider names it. */
export interface Answer<T> {
  readonly model: string
  readonly body: T
}

/** The two steps of every job: what the image shows, and the text made from it. */
export function createSteps<Job extends PipelineJob>(
  loadImage: LoadImage<Job>,
  models: Readonly<Record<Step, Model>>,
  randomBytes: RandomBytes,
) {
  const traced = ({ traceId }: Job, context: CallContext): CallContext =>
    traceId === null ? context : { ...context, traceparent: traceparentOf(traceId, randomBytes) }
  const previous = ({ lastErrorCode }: Job, step: Step) => (lastErrorCode ? kindOf(lastErrorCode, step) : undefined)
  return {
    analysis: async (job: Job, context: CallContext): Promise<Answer<BrandAnalysis>> => {
      const begun = performance.now()
      const image = await loadImage(job, context.signal).finally(() =>
        context.meter.imageLoaded(Math.round(performance.now() - begun)),
      )
      try {
        const { analysisPurpose: purpose, language } = job
        const request = { ...analysisRequest({ image, purpose, language }), previous: previous(job, 'analysis') }
        const { model, text } = await models.analysis.ask(request, traced(job, context))
        return { model, body: parseAnswer(text, BrandAnalysis, 'analysis') }
      } finally {
        image.release()
      }
    },
    content: async (job: Job, analysis: unknown, context: CallContext): Promise<Answer<Content>> => {
      // Both were checked when they were stored.
      const format = job.outputFormat as OutputFormat
      const source = {
        analysis: analysis as BrandAnalysis,
        purpose: job.analysisPurpose,
        format,
        language: job.language,
      }
      const request = { ...contentRequest(source), previous: previous(job, 'content') }
      const { model, text } = await models.content.ask(request, traced(job, context))
      return { model, body: parseAnswer(text, formats[format].schema, 'content') }
    },
  }
}
