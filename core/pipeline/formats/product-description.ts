import * as z from 'zod'
import { paragraph, phrase, sentence } from '../fields.ts'
import { format } from './format.ts'

export const productDescription = format({
  version: 3,
  prompt: () =>
    'Write a product description for a shop page. Name only what the image shows or what was said of it: invent no measures, materials, origins, prices or effects. Where the product’s name is not given, name it by what it is.',
  schema: z
    .object({
      name: phrase.describe('The product’s name as given or seen, or else what it is'),
      tagline: phrase.describe('One line that makes one want it'),
      description: paragraph.describe('What it is, how it looks and whom it is for'),
      features: z.array(sentence).min(2).max(8).describe('What can be seen or was said of it, one a line'),
      searchKeywords: z.array(phrase).min(3).max(15).describe('What people would type to find it, in this language'),
    })
    .meta({ id: 'ProductDescription' }),
  example: {
    name: 'Coral tulips from Fernhill Nursery',
    tagline: 'Spring, ready to plant',
    description:
      'Coral tulips in full bloom, from Fernhill Nursery. Their warm colour stands out against dark ground, in a bed as well as by the front door. In the spring sale they are 20 % off until 31 May.',
    features: ['Coral flowers on green stems', '20 % off until 31 May'],
    searchKeywords: ['coral tulips', 'spring flowers', 'garden plants sale'],
  },
  maxOutputTokens: 3072,
  carriesFacts: true,
})
