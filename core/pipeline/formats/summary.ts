import * as z from 'zod'
import { hints, phrase, sentence } from '../fields.ts'
import { format } from './format.ts'

export const summary = format({
  version: 3,
  prompt: () =>
    'Sum the image up, with regard to the purpose, for somebody with half a minute: one headline, one short paragraph, the points to remember.',
  schema: z
    .object({
      headline: phrase.describe('What matters most, as a headline'),
      summary: z
        .string()
        .trim()
        .min(1)
        .max(800)
        .register(hints, { aim: 350 })
        .describe('What the image shows and says, in one paragraph'),
      keyPoints: z.array(sentence).min(2).max(6).describe('What to remember, one point each, none said twice'),
    })
    .meta({ id: 'Summary' }),
  example: {
    headline: '20 % off at Fernhill Nursery until 31 May',
    summary:
      'A navy poster announces the spring sale of Fernhill Nursery in large white letters above a band of coral tulips. The offer is plain at a glance; the date stands small at the lower edge.',
    keyPoints: [
      '20 % off until 31 May',
      'White on navy, with coral tulips as the accent',
      'The date is easily overlooked',
    ],
  },
  maxOutputTokens: 2048,
})
