import { exampleJob } from '../jobs/examples.ts'
import type { OneTextView, RevisionsView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

const [text] = exampleJob.outputs.texts
if (text === undefined) throw new Error('the example has no text')

export const exampleText: OneTextView = { jobId: exampleJob.jobId, text }

export const exampleRevisions: RevisionsView = {
  jobId: exampleJob.jobId,
  textId: text.textId,
  outputFormat: text.outputFormat,
  revisions: [
    {
      revision: 1,
      author: 'model',
      requestedBy: null,
      instruction: null,
      approved: false,
      model: text.model,
      prompt: text.prompt,
      createdAt: '2026-11-23T12:00:21.500Z',
      result: { ...text.result },
      findings: [],
    },
  ],
}
