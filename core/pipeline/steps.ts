import type { BrandAnalysis } from './analysis.ts'
import type { Answer, CallContext } from './call.ts'
import type { DeepSeek } from './deepseek.ts'
import type { Content, OutputFormat } from './formats.ts'
import type { Gemini } from './gemini.ts'

/** What the steps need to know of a job. */
export interface PipelineJob {
  readonly userId: string
  readonly imageUrl: string
  readonly imageKey: string | null
  readonly analysisPurpose: string
  readonly outputFormat: string
  readonly language: string
}

/** Brings a job's image. */
export type LoadImage = (
  job: PipelineJob,
  signal: AbortSignal,
) => Promise<{ readonly bytes: Uint8Array; readonly type: string }>

/** The two steps of every job: what the image shows, and the text made from it. */
export function createSteps(loadImage: LoadImage, gemini: Gemini, deepseek: DeepSeek) {
  return {
    analysis: async (job: PipelineJob, context: CallContext): Promise<Answer<BrandAnalysis>> => {
      const image = await loadImage(job, context.signal)
      return gemini.describe({ image, purpose: job.analysisPurpose, language: job.language }, context)
    },
    content: (job: PipelineJob, analysis: unknown, context: CallContext): Promise<Answer<Content>> =>
      deepseek.write(
        {
          // Both were checked when they were stored.
          analysis: analysis as BrandAnalysis,
          format: job.outputFormat as OutputFormat,
          purpose: job.analysisPurpose,
          language: job.language,
        },
        context,
      ),
  }
}
