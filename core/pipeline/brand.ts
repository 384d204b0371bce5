import * as z from 'zod'
import type { Facts as FactsByName } from '../../drizzle/schema.ts'
import { outputFormats } from './formats.ts'
import { languageTag } from './language-tag.ts'
import { platformNames } from './platforms.ts'

const maxFactsBytes = 4096
const maxProfileBytes = 8192

/** Refuses a value whose JSON is larger than a number of bytes in UTF-8. */
const within = (max: number) => (value: unknown, context: z.RefinementCtx) => {
  const bytes = Buffer.byteLength(JSON.stringify(value))
  if (bytes <= max) return
  context.addIssue({
    code: 'custom',
    params: { code: 'field.too_large' },
    message: `is ${bytes} bytes of JSON, and at most ${max} are taken`,
  })
}

const line = (max: number) => z.string().trim().min(1).max(max)
const lines = (most: number, max: number) => z.array(line(max)).max(most)

/** Facts about a product or a brand, by name: material for the writer, and for the checks of a text. */
export const Facts = z
  .record(
    line(60),
    z.union([line(500), z.number(), z.boolean(), lines(20, 200)], {
      error:
        'must be text of 1 to 500 characters, a number, true, false, or a list of up to 20 texts of 1 to 200 characters',
    }),
  )
  .superRefine(within(maxFactsBytes))
export type Facts = FactsByName

/** How readers are addressed. */
const formalities = ['informal', 'neutral', 'formal'] as const

const notColour = 'must be a colour like #1a2b3c'

/** The content of a brand: the style of its texts, the rules for their content, and the defaults of its jobs. */
export const BrandProfile = z
  .strictObject({
    name: line(100).meta({ description: 'What the brand is called.' }),
    voice: line(1000)
      .optional()
      .meta({ description: 'How its texts sound.', examples: ['Calm and plain, with a dry humour'] }),
    audience: line(500).optional().meta({ description: 'Whom its texts speak to.' }),
    formality: z.enum(formalities).optional().meta({
      description: 'How readers are addressed: informal as friends (du, tu), formal as customers (Sie, vous).',
    }),
    do: lines(20, 200)
      .optional()
      .meta({ description: 'What its texts do.', examples: [['Name the workshop']] }),
    dont: lines(20, 200)
      .optional()
      .meta({ description: 'What its texts never do.', examples: [['Exclamation marks']] }),
    preferredWords: lines(50, 60).optional().meta({ description: 'Words to use where they fit.' }),
    bannedWords: lines(100, 60)
      .refine((words) => words.every((word) => /[^*\s]/.test(word)), 'must have more than a * each')
      .optional()
      .meta({
        description:
          'Words and phrases never to use, in whatever case. A `*` at the end stands for any ending: `cheap*` is cheaper and cheaply too.',
        examples: [['cheap*', 'best in class']],
      }),
    facts: Facts.optional().meta({
      description: `What is true of the brand, by name, up to ${maxFactsBytes} bytes of JSON.`,
      examples: [{ founded: 1987, returns: '30 days' }],
    }),
    palette: z
      .array(
        z.strictObject({
          hex: z
            .string()
            .trim()
            .toLowerCase()
            .regex(/^#[0-9a-f]{6}$/, notColour)
            .meta({ description: '#rrggbb' }),
          name: line(60).optional(),
        }),
      )
      .max(12)
      .optional()
      .meta({ description: 'The colours of the brand.', examples: [[{ hex: '#14213d', name: 'navy' }]] }),
    defaults: z
      .strictObject({
        outputFormats: z.array(z.enum(outputFormats)).min(1).max(outputFormats.length).optional(),
        languages: z.array(languageTag).min(1).max(24).optional(),
        platforms: z.array(z.enum(platformNames)).min(1).max(platformNames.length).optional(),
      })
      .optional()
      .meta({
        description: 'What a job of the brand is made with where it does not say: the first of each list.',
      }),
  })
  .superRefine(within(maxProfileBytes))
  .meta({
    id: 'BrandProfile',
    description: `What a brand says of itself, up to ${maxProfileBytes} bytes of JSON.`,
  })
export type BrandProfile = z.infer<typeof BrandProfile>
