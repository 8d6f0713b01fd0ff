/** How much a test does: the usual number, or the bigger one of `npm run test:long`. */
export const runs = (usual: number, long: number): number => (process.env.FLUJO_LONG === "1" ? long : usual)
