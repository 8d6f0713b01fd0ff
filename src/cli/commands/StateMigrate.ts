/** `flujo state migrate` */
export { migrate as run } from "./StateInfo.js"
