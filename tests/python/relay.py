"""An SMTP server that notes what it is given."""

import socketserver
import threading


class Relay:
    """As much of an SMTP server as a client of it needs."""

    def __init__(self):
        # Who sent it, to whom, and the text.
        self.mails = []
        # Answers in place of "yes" to a recipient, by address; `None` is anybody.
        self.refusals = {}
        # Recipients that were named, whether or not they were refused.
        self.asked = []
        # Nobody is answered while it is not set.
        self.answers = threading.Event()
        self.answers.set()
        relay = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    self.converse()
                except OSError:
                    # The client is gone.
                    pass

            def converse(self):
                self.say("220 relay")
                sender, recipients = "", []
                while line := self.rfile.readline().decode().strip():
                    word = line[:4].upper()
                    if word == "MAIL":
                        sender, recipients = line[line.index("<") + 1 : line.index(">")], []
                    elif word == "RCPT":
                        recipient = line[line.index("<") + 1 : line.index(">")]
                        relay.asked.append(recipient)
                        relay.answers.wait()
                        refusal = relay.refusals.get(recipient) or relay.refusals.get(None)
                        if refusal:
                            self.say(refusal)
                            continue
                        recipients.append(recipient)
                    elif word == "DATA":
                        self.say("354 go on")
                        relay.mails.append((sender, recipients, "\n".join(self.text())))
                    elif word == "QUIT":
                        return self.say("221 bye")
                    self.say("250 fine")

            def text(self):
                """The lines of a mail; `OSError` where the client goes before its last."""
                while (line := self.rfile.readline().decode()) != ".\r\n":
                    if not line:
                        raise ConnectionError("the mail has no end")
                    yield line.rstrip("\r\n")

            def say(self, text):
                self.wfile.write(f"{text}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            # A client whose connection is dropped from a full queue may wait in vain for a greeting until its time is up.
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
