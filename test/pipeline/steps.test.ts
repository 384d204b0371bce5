import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { formats } from '../../core/pipeline/formats.ts'
import { createSteps, type MeasurePalette, type PipelineJob } from '../../core/pipeline/steps.ts'
import type { Model, ModelRequest } from '../../core/providers/model.ts'

/** Steps whose models say these texts, one after the other, and note what they were asked. */
function stepsThat(
  says: readonly (string | Error)[],
  { again = true, measurePalette }: { again?: boolean; measurePalette?: MeasurePalette } = {},
) {
  const asked: ModelRequest[] = []
  const issues: string[] = []
  const model: Model = {
    ask: async (request) => {
      const text = says[asked.length]
      asked.push(request)
      if (text === undefined) throw new Error('it was asked once too often')
      if (text instanceof Error) throw text
      return { model: `model-${asked.length}`, text }
    },
  }
  const steps = createSteps(
    {
      image: async () => ({
        bytes: new Uint8Array([1]),
        type: 'image/png',
        width: 40,
        height: 30,
        release: () => undefined,
      }),
      brand: async () => undefined,
    },
    { analysis: model, content: model },
    randomBytes,
    measurePalette,
  )
  const context = {
    signal: new AbortController().signal,
    meter: {
      imageLoaded: () => undefined,
      sent: async () => undefined,
      answered: () => undefined,
      again: async (issue: string) => {
        issues.push(issue)
        return again
      },
      failed: () => undefined,
    },
  }
  const job = (changes: Partial<PipelineJob>): PipelineJob => ({
    analysisPurpose: 'Sell a flag',
    outputFormat: 'summary',
    language: 'en',
    traceId: null,
    ...changes,
  })
  return {
    asked,
    issues,
    analysis: (changes: Partial<PipelineJob> = {}) => steps.analysis(job(changes), context),
    content: (changes: Partial<PipelineJob> = {}) => steps.content(job(changes), exampleAnalysis, context),
  }
}

const good = JSON.stringify(formats.summary.example)
const misfit = '{"headline":"A"}'
const issue = /^summary is missing; keyPoints is missing$/

test('an answer that fits is asked for once, and says by which words', async () => {
  const steps = stepsThat([good])
  expect(await steps.content()).toEqual({
    model: 'model-1',
    findings: [],
    prompt: 'summary@3',
    body: formats.summary.example,
  })
  expect(steps.asked).toHaveLength(1)
})

test('one that does not fit is asked for once more, with what did not fit', async () => {
  const steps = stepsThat([misfit, good])
  expect(await steps.content()).toMatchObject({ model: 'model-2', body: formats.summary.example })
  expect(steps.issues).toEqual([expect.stringMatching(issue)])
  expect(steps.asked[1]?.instructions).toContain(steps.issues[0])
  expect(steps.asked[1]?.input).toBe(steps.asked[0]?.input)
})

test('a second that does not fit is the last', async () => {
  const steps = stepsThat([misfit, misfit, good])
  await expect(steps.content()).rejects.toMatchObject({ code: 'content.invalid_answer', errorClass: 'permanent' })
  expect(steps.asked).toHaveLength(2)
})

test('where there is no second call in this run, the next one’s first is the second', async () => {
  const steps = stepsThat([misfit, misfit, good], { again: false })
  await expect(steps.content()).rejects.toMatchObject({ code: 'content.misfit', errorClass: 'retryable' })
  await expect(steps.content({ answerIssue: 'summary is missing' })).rejects.toMatchObject({
    code: 'content.invalid_answer',
  })
  expect(steps.asked[1]?.instructions).toContain('could not be used: summary is missing.')
  expect(steps.asked).toHaveLength(2)
})

test('what went wrong in this step is told to the request, and what went wrong in the other is not', async () => {
  const steps = stepsThat([good, good])
  await steps.content({ lastErrorCode: 'content.cut_off' })
  await steps.content({ lastErrorCode: 'analysis.cut_off' })
  expect(steps.asked.map(({ previous }) => previous)).toEqual(['cut_off', undefined])
})

test('a text that is good but for its style is asked for anew, and kept if nothing better comes', async () => {
  const styled = (altText: string) => JSON.stringify({ imageRole: 'informative', altText, longDescription: 'x' })
  const german = { outputFormat: 'alt_text', language: 'de' }
  const better = stepsThat([styled('Bild von einem Schuh'), styled('Ein Schuh')])
  expect((await better.content(german)).body).toMatchObject({ altText: 'Ein Schuh' })
  const worse = stepsThat([styled('Bild von einem Schuh'), misfit])
  expect((await worse.content(german)).body).toMatchObject({ altText: 'Bild von einem Schuh' })
  const gone = stepsThat([styled('Bild von einem Schuh'), new VisionError('content.timed_out')])
  expect((await gone.content(german)).body).toMatchObject({ altText: 'Bild von einem Schuh' })
  const late = stepsThat([styled('Bild von einem Schuh')], { again: false })
  expect((await late.content(german)).body).toMatchObject({ altText: 'Bild von einem Schuh' })
})

test('a palette is measured where it can be, and said to be estimated where it cannot', async () => {
  const answer = JSON.stringify({ ...exampleAnalysis, composition: { ...exampleAnalysis.composition } })
  const palette = [{ hex: '#000000', name: 'black', share: 1 }]
  const measured = await stepsThat([answer], { measurePalette: async () => palette }).analysis()
  expect(measured.body).toMatchObject({ palette, paletteEstimated: false })
  expect(measured.body.composition.orientation).toBe('landscape')
  expect(measured.prompt).toBe('analysis@2')
  const broken = async () => Promise.reject(new Error('no decoder'))
  for (const measurePalette of [undefined, broken]) {
    const estimated = await stepsThat([answer], measurePalette ? { measurePalette } : {}).analysis()
    expect(estimated.body).toMatchObject({ palette: exampleAnalysis.palette, paletteEstimated: true })
    expect(estimated.body.contrast).toEqual(exampleAnalysis.contrast)
  }
})
