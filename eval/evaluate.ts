import { randomBytes } from 'node:crypto'
import { asVisionError } from '../core/domain/errors.ts'
import type { StepUsage } from '../core/domain/step.ts'
import { type OutputFormat, outputFormats } from '../core/pipeline/formats.ts'
import { createSteps, type MeasurePalette } from '../core/pipeline/steps.ts'
import type { Model } from '../core/providers/model.ts'
import type { Step } from '../drizzle/schema.ts'
import type { Case } from './cases.ts'
import { checkAnalysis, checkContent, checkNames, type Findings } from './checks.ts'
import { draw } from './draw.ts'

/** One text, and the findings about it. */
export interface Result {
  readonly name: string
  /** `analysis`, or the format. */
  readonly what: 'analysis' | OutputFormat
  readonly findings: Findings
  /** The code with which it failed. */
  readonly error?: string
  readonly calls: number
  /** In nano-dollars; null where a price is not known. */
  readonly cost: number | null
}

export interface EvaluateOptions {
  readonly models: Readonly<Record<Step, Model>>
  readonly measurePalette?: MeasurePalette
  readonly formats?: readonly OutputFormat[]
  readonly onResult?: (result: Result) => void
}

/** Sends the images of the cases through both steps, in every format, and checks the results. */
export async function evaluate(cases: readonly Case[], options: EvaluateOptions): Promise<Result[]> {
  const results: Result[] = []
  const add = (result: Result) => {
    results.push(result)
    options.onResult?.(result)
  }
  for (const of of cases) {
    const bytes = await draw(of)
    const steps = createSteps(
      {
        image: async () => ({
          bytes,
          type: 'image/png',
          width: of.width,
          height: of.height,
          release: () => undefined,
        }),
        brand: async () => undefined,
      },
      options.models,
      randomBytes,
      options.measurePalette,
    )
    const job = { analysisPurpose: of.purpose, language: of.language, traceId: null, platform: null }
    const analysed = await tried((context) => steps.analysis({ ...job, outputFormat: 'summary' }, context))
    const { answer: analysis, ...taken } = analysed
    add({ name: of.name, what: 'analysis', findings: analysis ? checkAnalysis(of, analysis.body) : {}, ...taken })
    if (!analysis) continue
    for (const format of options.formats ?? outputFormats) {
      const { answer, ...spent } = await tried((context) =>
        steps.content({ ...job, outputFormat: format }, analysis.body, context),
      )
      const emulated = answer?.model.endsWith('-emulated') ?? false
      const findings = answer ? checkContent(of, format, answer.body, analysis.body, { emulated }) : {}
      add({ name: of.name, what: format, findings, ...spent })
    }
  }
  return results
}

type Context = Parameters<ReturnType<typeof createSteps>['content']>[2]

async function tried<T>(call: (context: Context) => Promise<T>) {
  let calls = 0
  let cost: number | null = 0
  const meter = {
    imageLoaded: () => undefined,
    sent: async () => undefined,
    answered: (usage?: StepUsage) => {
      calls++
      cost = cost === null || !usage || usage.cost === null ? null : cost + usage.cost
    },
    again: async () => true,
    failed: () => undefined,
  }
  try {
    const answer = await call({ signal: new AbortController().signal, meter })
    return { answer, calls, cost }
  } catch (error) {
    return { calls, cost, error: asVisionError(error).code }
  }
}

/** The results as a table: a row for each kind of text, how many passed each check of how many it applied to. */
export function table(results: readonly Result[]): string {
  const head = ['', 'texts', 'failed', 'asked again', ...checkNames]
  const rows = [...Map.groupBy(results, ({ what }) => what)].map(([what, of]) => [
    what,
    of.length,
    of.filter(({ error }) => error !== undefined).length,
    of.filter(({ calls }) => calls > 1).length,
    ...checkNames.map((check) => {
      const applied = of.flatMap(({ findings }) => findings[check] ?? (check in findings ? [] : undefined) ?? [])
      const looked = of.filter(({ findings }) => findings[check] !== undefined)
      const good = looked.filter(({ findings }) => findings[check]?.length === 0).length
      return looked.length === 0 && applied.length === 0 ? '' : `${good}/${looked.length}`
    }),
  ])
  const cells = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Everything that was found wrong, a line each. */
export function describeFindings(results: readonly Result[]): string[] {
  return results.flatMap(({ name, what, findings, error }) => [
    ...(error ? [`${name} ${what}: ${error}`] : []),
    ...checkNames.flatMap((check) => (findings[check] ?? []).map((finding) => `${name} ${what} ${check}: ${finding}`)),
  ])
}
