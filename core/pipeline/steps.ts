import { type RandomBytes, traceparentOf } from '../trace.ts'
import type { BrandAnalysis } from './analysis.ts'
import type { Answer, CallContext } from './call.ts'
import type { DeepSeek } from './deepseek.ts'
import type { Content, OutputFormat } from './formats.ts'
import type { Gemini } from './gemini.ts'

/** What the steps need to know of a job. */
export interface PipelineJob {
  readonly analysisPurpose: string
  readonly outputFormat: string
  readonly language: string
  /** In 32 hex digits. */
  readonly traceId: string | null
}

/** Brings a job's image, and takes note when its bytes are needed no more: they weigh. */
export type LoadImage<Job> = (
  job: Job,
  signal: AbortSignal,
) => Promise<{ readonly bytes: Uint8Array; readonly type: string; readonly release: () => void }>

/** The two steps of every job: what the image shows, and the text made from it. */
export function createSteps<Job extends PipelineJob>(
  loadImage: LoadImage<Job>,
  gemini: Gemini,
  deepseek: DeepSeek,
  randomBytes: RandomBytes,
) {
  const traced = ({ traceId }: Job, context: CallContext): CallContext =>
    traceId === null ? context : { ...context, traceparent: traceparentOf(traceId, randomBytes) }
  return {
    analysis: async (job: Job, context: CallContext): Promise<Answer<BrandAnalysis>> => {
      const image = await loadImage(job, context.signal)
      try {
        return await gemini.describe(
          { image, purpose: job.analysisPurpose, language: job.language },
          traced(job, context),
        )
      } finally {
        image.release()
      }
    },
    content: (job: Job, analysis: unknown, context: CallContext): Promise<Answer<Content>> =>
      deepseek.write(
        {
          // Both were checked when they were stored.
          analysis: analysis as BrandAnalysis,
          format: job.outputFormat as OutputFormat,
          purpose: job.analysisPurpose,
          language: job.language,
        },
        traced(job, context),
      ),
  }
}
