import * as z from 'zod'
import { hexColour, phrase, sentence } from '../fields.ts'
import { format } from './format.ts'

export const brandGuidelines = format({
  version: 3,
  prompt: () =>
    'Derive working guidelines from the image: what to do and what to avoid, the colours with their roles, and the tone of voice that fits. They are observed in this one image and no brand’s official rules: the summary says “observed in this image”, in the language of the text. Take the colours from the palette as they are, and let text stand only on colours whose contrast ratio with it the analysis gives as enough.',
  schema: z
    .object({
      summary: sentence.describe('What the guidelines come to, and that they were observed in this image'),
      dos: z.array(sentence).min(2).max(10).describe('What to do, as this image does it'),
      donts: z.array(sentence).min(2).max(10).describe('What would break with what this image does'),
      colours: z
        .array(
          z.object({
            hex: hexColour,
            name: phrase.describe('A common name of the colour'),
            role: z.enum(['primary', 'secondary', 'accent', 'background', 'text']),
          }),
        )
        .min(1)
        .max(8)
        .describe('The colours observed in this image, from its palette, each with the role that it plays there'),
      typography: sentence.describe('The lettering observed in this image and how to go on with it'),
      tone: z.object({
        voice: sentence.describe('How texts should sound to fit this image'),
        words: z.array(phrase).min(2).max(10).describe('Words that fit'),
      }),
    })
    .meta({ id: 'BrandGuidelines' }),
  example: {
    summary: 'Observed in this image: navy calm, one coral accent, and one message in large white letters.',
    dos: ['Set the message large, in white on navy.', 'Use coral for one thing at a time.'],
    donts: [
      'Do not set white text on coral: at 2.58 to 1 it cannot be read.',
      'Do not crowd the space around the message.',
    ],
    colours: [
      { hex: '#14213d', name: 'navy', role: 'background' },
      { hex: '#ff6f61', name: 'coral', role: 'accent' },
      { hex: '#f8f9fa', name: 'white', role: 'text' },
    ],
    typography: 'One bold sans serif in capitals for the message; the same family, lighter, for all else.',
    tone: { voice: 'Calm and plain, with a touch of anticipation.', words: ['fresh', 'ready', 'bloom'] },
  },
  maxOutputTokens: 3072,
  quotesWhatNotToDo: ['/donts'],
})
