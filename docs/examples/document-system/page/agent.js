// Calls the signing agent on this machine: one WebSocket for each request, one text in, one JSON object out.
//
// The same contract is offered by VGCA Sign Service and by `kyso desk agent`, so a page need not know which one runs.

const AGENT = "wss://127.0.0.1:8987";

export const DONE = 0;
export const CANCELLED = 11;

export function ask(operation, parameters, address = AGENT) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${address}/${operation}`);
    let answered = false;
    socket.onopen = () => socket.send(typeof parameters === "string" ? parameters : JSON.stringify(parameters));
    socket.onmessage = (event) => {
      answered = true;
      resolve(JSON.parse(event.data));
      socket.close();
    };
    socket.onclose = () => {
      if (!answered) reject(new Error("agent"));
    };
  });
}

export function signLetter(operation, letter, more = {}, address = AGENT) {
  return ask(operation, { FileName: letter.file, FileUploadHandler: letter.upload, SessionId: "", JWTToken: "", MetaData: [], ...more }, address);
}
