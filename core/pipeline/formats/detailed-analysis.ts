import * as z from 'zod'
import { paragraph, phrase, sentence } from '../fields.ts'
import { format } from './format.ts'

export const detailedAnalysis = format({
  version: 3,
  prompt: () =>
    'Write a detailed analysis of the image for a brand team: what works for the purpose, what does not, and why, each point tied to something visible. Where you judge legibility, use the contrast ratios of the analysis and reckon none yourself.',
  schema: z
    .object({
      title: phrase.describe('What the analysis comes to, as a title'),
      overview: paragraph.describe('The image and the verdict on it, in one paragraph'),
      sections: z
        .array(
          z.object({
            heading: phrase.describe('What the section is about'),
            body: paragraph.describe('What is seen, and what it does for the purpose'),
          }),
        )
        .min(3)
        .max(8)
        .describe('Composition, colour, lettering, audience and the like, as the image demands'),
      strengths: z.array(sentence).min(1).max(8).describe('What works, and by what it shows'),
      weaknesses: z.array(sentence).min(1).max(8).describe('What does not work for the purpose, and by what it shows'),
      recommendations: z.array(sentence).min(1).max(8).describe('What to do about it, the most useful first'),
    })
    .meta({ id: 'DetailedAnalysis' }),
  example: {
    title: 'A clear offer on a calm ground, with its deadline too quiet',
    overview:
      'A navy poster announces the spring sale of Fernhill Nursery. The large white offer is read at once; the date, in small letters at the lower edge, is not, though the purpose depends on it.',
    sections: [
      {
        heading: 'Composition',
        body: 'Everything stands in one centred column above a band of tulips. The eye goes from the offer to the flowers and leaves the poster before it has met the date.',
      },
      {
        heading: 'Colour',
        body: 'White on navy has a contrast of 15.15 to 1 and carries any text. Coral against navy, at 5.85 to 1, serves as the accent.',
      },
      {
        heading: 'Lettering',
        body: 'One bold sans serif in two sizes keeps the poster in one voice, but the step from the offer to the date is too great.',
      },
    ],
    strengths: ['“20 % OFF” is the largest thing on the poster and stands on an empty ground.'],
    weaknesses: ['“until 31 May” is the smallest text, although the offer ends then.'],
    recommendations: ['Set “until 31 May” directly below the offer, at half its size at least.'],
  },
  maxOutputTokens: 4096,
})
