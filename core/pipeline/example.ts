import type { BrandAnalysis } from './analysis.ts'

/** The material of all formats' examples, so that each shows the text for the same analysis and purpose. */
export const examplePurpose = 'Announce the spring sale of Fernhill Nursery: 20 % off everything until 31 May'

export const exampleAnalysis: BrandAnalysis = {
  subject: 'A poster that announces a spring sale in large white letters on navy, above a band of coral tulips.',
  composition: {
    layout: 'One centred column of text above a band of tulips along the lower edge; the date stands small below them.',
    focalPoint: 'The offer in the middle',
    orientation: 'portrait',
  },
  palette: [
    { hex: '#14213d', name: 'navy', share: 0.68 },
    { hex: '#ff6f61', name: 'coral', share: 0.18 },
    { hex: '#f8f9fa', name: 'white', share: 0.09 },
  ],
  typography: {
    style: 'A bold sans serif in capitals for the offer, the same family lighter for the rest.',
    textSeen: ['Fernhill Nursery Spring Sale', '20 % OFF', 'until 31 May'],
  },
  mood: ['fresh', 'calm'],
  style: ['flat illustration', 'poster'],
  audience: 'People with a garden or a balcony who live near the nursery.',
  brandSignals: ['The name Fernhill Nursery above the offer', 'Tulips as the motif'],
  suggestions: ['Set the date larger and closer to the offer.'],
  paletteEstimated: false,
  contrast: [
    { colours: ['#14213d', '#f8f9fa'], ratio: 15.15, text: 'any' },
    { colours: ['#14213d', '#ff6f61'], ratio: 5.85, text: 'any' },
    { colours: ['#ff6f61', '#f8f9fa'], ratio: 2.58, text: 'none' },
  ],
}
