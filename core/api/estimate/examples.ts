import type { EstimateView } from './schema.ts'

// Examples for the OpenAPI document; a test holds them against its schemas.

export const exampleEstimate: EstimateView = {
  jobs: 1,
  texts: 4,
  calls: [
    {
      step: 'analysis',
      provider: 'gemini',
      model: 'gemini-3.5-flash-lite',
      calls: 1,
      costUsd: 0.001313,
      milliseconds: 7_400,
    },
    {
      step: 'content',
      provider: 'deepseek',
      model: 'deepseek-flash',
      calls: 4,
      costUsd: 0.000726,
      milliseconds: 9_100,
    },
  ],
  costUsd: 0.002039,
  seconds: 17,
  basis: 'own',
  waitingJobs: 0,
  exceeds: [],
  rejected: [
    {
      index: 1,
      errors: [
        {
          pointer: '#/jobs/1/imageUrl',
          code: 'image.forbidden_address',
          detail: 'The image URL leads to an address that is not public.',
        },
      ],
    },
  ],
}
