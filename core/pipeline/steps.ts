import type { Facts, Step } from '../../drizzle/schema.ts'
import { type ErrorCode, VisionError } from '../domain/errors.ts'
import type { Meter } from '../domain/step.ts'
import { type RandomBytes, traceparentOf } from '../platform/trace.ts'
import type { CallContext } from '../providers/call-provider.ts'
import { codeOf, kindOf } from '../providers/kinds.ts'
import type { Model } from '../providers/model.ts'
import { acceptAnswer } from './accept-answer.ts'
import { AnalysisAnswer, type BrandAnalysis, completeAnalysis } from './analysis.ts'
import type { BrandProfile } from './brand.ts'
import type { Swatch } from './colours.ts'
import type { Finding } from './findings/finding.ts'
import { findingsIn } from './findings.ts'
import type { Format } from './formats/format.ts'
import { type Content, formats, type OutputFormat } from './formats.ts'
import { localeOf } from './languages.ts'
import { platformOf } from './platforms.ts'
import { analysisRequest, type Before, contentRequest, type Prompt, type Writing } from './prompts.ts'

/** The fields of a job that the steps need. */
export interface PipelineJob {
  readonly analysisPurpose: string
  readonly outputFormat: string
  /** A BCP 47 tag. */
  readonly language: string
  /** The network of a post. */
  readonly platform?: string | null | undefined
  /** Facts that the image does not show. */
  readonly facts?: Facts | null | undefined
  /** The version of a brand that the text is written for. */
  readonly brandId?: number | null | undefined
  readonly brandVersion?: number | null | undefined
  /** Its number among identical requests, and how many those are. */
  readonly variant?: Writing['variant']
  /** For a new revision. */
  readonly revising?: Writing['revising']
  /** In 32 hex digits. */
  readonly traceId: string | null
  /** The error of the job's last run, if it failed. */
  readonly lastErrorCode?: ErrorCode | null | undefined
  /** What was invalid in the answer of the step's last run. */
  readonly answerIssue?: string | null | undefined
}

/** An image with the properties from its file, turned as displayed. */
export interface PipelineImage {
  readonly bytes: Uint8Array
  readonly type: string
  /** In pixels. */
  readonly width?: number | undefined
  readonly height?: number | undefined
  /** Releases the memory of the bytes. */
  readonly release: () => void
}

/** Loads a job's image. */
export type LoadImage<Job> = (job: Job, signal: AbortSignal) => Promise<PipelineImage>

/** Loads the content of a job's brand; undefined for a job without one. */
export type LoadBrand<Job> = (job: Job) => Promise<BrandProfile | undefined>

/**
 * Measures the dominant colours of an image from its pixels, the largest first. For deployments with a decoder that they
 * trust with untrusted files; an error counts as no measurement.
 */
export type MeasurePalette = (image: Pick<PipelineImage, 'bytes' | 'type'>) => Promise<readonly Swatch[]>

/** The context of a step. */
export interface StepCallContext extends CallContext {
  readonly meter: Meter
}

/** A valid answer, the model that gave it, as the provider names it, and the prompt. */
export interface Answer<T> {
  readonly model: string
  readonly prompt: string
  readonly body: T
}

/** A text and the findings in it. */
export interface WrittenContent extends Answer<Content> {
  readonly findings: readonly Finding[]
}

/** The usable part of an answer, if any, and the issue with it, if any. */
interface Reading<T> {
  readonly body?: T | undefined
  readonly issue?: string | undefined
}

/** The two steps of every job: the analysis of the image, and the text made from it. */
export function createSteps<Job extends PipelineJob>(
  load: { readonly image: LoadImage<Job>; readonly brand: LoadBrand<Job> },
  models: Readonly<Record<Step, Model>>,
  randomBytes: RandomBytes,
  measurePalette?: MeasurePalette,
) {
  const traced = ({ traceId }: Job, context: StepCallContext): StepCallContext =>
    traceId === null ? context : { ...context, traceparent: traceparentOf(traceId, randomBytes) }
  return {
    /** @throws VisionError `image.*` or `analysis.*`, or the signal's reason */
    analysis: async (job: Job, context: StepCallContext): Promise<Answer<BrandAnalysis>> => {
      const begun = performance.now()
      const image = await load
        .image(job, context.signal)
        .finally(() => context.meter.imageLoaded(Math.round(performance.now() - begun)))
      try {
        const palette = measurePalette?.(image).catch(() => undefined)
        const { model, prompt, body } = await ask<AnalysisAnswer>(models.analysis, job, traced(job, context), {
          step: 'analysis',
          request: (before) => analysisRequest({ image, purpose: job.analysisPurpose }, before),
          read: (text) => acceptAnswer(text, AnalysisAnswer, 'en'),
        })
        return { model, prompt, body: completeAnalysis(body, { ...image, palette: await palette }) }
      } finally {
        image.release()
      }
    },
    /** @throws VisionError `content.*`, or the signal's reason */
    content: async (job: Job, analysis: unknown, context: StepCallContext): Promise<WrittenContent> => {
      const { analysisPurpose: purpose, language, platform, facts } = job
      const writing = {
        // Both were validated when they were stored.
        analysis: analysis as BrandAnalysis,
        format: job.outputFormat as OutputFormat,
        purpose,
        language,
        platform,
        facts,
        variant: job.variant,
        revising: job.revising,
        brand: await load.brand(job),
      }
      const { format } = writing
      const answer = await ask<Content>(models.content, job, traced(job, context), {
        step: 'content',
        request: (before) => contentRequest(writing, before),
        read: (text) => readContent(text, format, { language: localeOf(language), platform: platformOf(platform) }),
      })
      return { ...answer, findings: findingsIn(answer.body, writing) }
    },
  }
}

function readContent(text: string, name: OutputFormat, setting: Parameters<NonNullable<Format['finish']>>[1]) {
  const { schema, finish } = formats[name] as Format
  const accepted = acceptAnswer(text, schema, setting.language)
  if (accepted.issue !== undefined || !finish) return accepted as Reading<Content>
  const { content, issue } = finish(accepted.body, setting)
  return { body: content, issue } as Reading<Content>
}

interface Question<T> {
  readonly step: Step
  readonly request: (before: Before) => Prompt
  readonly read: (text: string) => Reading<T>
}

/**
 * Asks the model, and once more with the issue if the answer is unusable: two paid answers at most, over all runs. A usable
 * answer with defects is better than none.
 *
 * @throws VisionError `<step>.misfit` where the second call is left to the next run, `<step>.invalid_answer` after it
 */
async function ask<T>(
  model: Model,
  job: PipelineJob,
  context: StepCallContext,
  { step, request, read }: Question<T>,
): Promise<Answer<T>> {
  const call = async (before: Before) => {
    const { version, ...asked } = request(before)
    const { model: named, text } = await model.ask(asked, context)
    return { prompt: version, model: named, ...read(text) }
  }
  const answer = ({ model, prompt, body }: Awaited<ReturnType<typeof call>>) => ({ model, prompt, body: body as T })

  const { lastErrorCode, answerIssue } = job
  const first = await call({
    previous: lastErrorCode ? kindOf(lastErrorCode, step) : undefined,
    issue: answerIssue,
  })
  const { issue } = first
  if (issue === undefined) return answer(first)
  const usable = first.body !== undefined
  if (answerIssue) {
    if (usable) return answer(first)
    throw new VisionError(codeOf(step, 'invalid_answer'), { detail: issue })
  }
  if (!(await context.meter.again(issue))) {
    if (usable) return answer(first)
    throw new VisionError(codeOf(step, 'misfit'), { detail: issue })
  }
  try {
    const second = await call({ issue })
    if (second.body !== undefined) return answer(second)
    if (!usable) throw new VisionError(codeOf(step, 'invalid_answer'), { detail: second.issue ?? issue })
  } catch (error) {
    if (!usable || context.signal.aborted) throw error
    context.meter.failed(error)
  }
  return answer(first)
}
