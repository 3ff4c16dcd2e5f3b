"""Added tokens as tokenizer files hold them, which have changed form twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bertgen.errors import Trouble
from bertgen.tokenizers.added_tokens import AddedToken
from bertgen.tokenizers.special_tokens import NAMED_TOKENS
from bertgen.tokenizers.vocabulary import check_ids, read_json

ADDED_TOKENS_FILE = "added_tokens.json"


def read_added_tokens(
    config: dict[str, Any], files: Mapping[str, str], arguments: Mapping[str, Any]
) -> dict[int, AddedToken]:
    """The added tokens by id, of whatever generation of files there is; named tokens in `config` are
    replaced by their full form.

    Args:
        config: the content of tokenizer_config.json with the caller's `arguments` over it; changed.
        files: paths of special_tokens_map.json ("special"), added_tokens.json ("added") and tokenizer.json
            ("fast"), those that are there.
        arguments: what the caller says of special tokens; it wins over the files.
    """
    # Newest form: everything is in tokenizer_config.json.
    if "added_tokens_decoder" in config:
        tokens = _by_id(config["added_tokens_decoder"])
        _use_full_form(config, tokens)
        return tokens
    # 1) Older form: special tokens by name in special_tokens_map.json, ...
    for name, value in _json_of(files, "special").items():
        if not arguments.get(name):
            config[name] = _special_of_older_form(name, value, config)
    special = {str(config[name]) for name in NAMED_TOKENS if config.get(name)}
    special |= {str(token) for token in config.get("additional_special_tokens") or []}
    # 2) ... ids of all tokens beyond the vocabulary in added_tokens.json, ...
    tokens = {
        index: AddedToken(content, special=content in special)
        for content, index in check_ids(_json_of(files, "added"), ADDED_TOKENS_FILE).items()
    }
    # 3) ... and where a fast tokenizer was saved, every added token with its options in tokenizer.json.
    listed = _json_of(files, "fast").get("added_tokens") or []
    fast = _by_id({token.get("id"): token for token in listed if isinstance(token, dict)})
    if fast:
        tokens.update(fast)
        _use_full_form(config, fast)
    return tokens


def _special_of_older_form(name: str, value: Any, config: Mapping[str, Any]) -> Any:
    """A value of special_tokens_map.json; the unnamed tokens are added to those in `config`."""
    if isinstance(value, dict):
        return AddedToken.from_dict(value, special=True)
    if name != "additional_special_tokens" or not isinstance(value, list):
        return value
    tokens = list(config.get(name) or [])
    known = list(tokens)
    for token in value:
        if isinstance(token, dict):
            token = AddedToken.from_dict(token, special=True)
        if token not in known:
            tokens.append(token)
    return tokens


def _use_full_form(config: dict[str, Any], tokens: Mapping[int, AddedToken]) -> None:
    by_content = {token.content: token for token in tokens.values()}
    for name in NAMED_TOKENS:
        value = revive(config.get(name))
        if value is not None:
            config[name] = by_content.get(str(value), value)


def _by_id(tokens: Any) -> dict[int, AddedToken]:
    """Added tokens by id, from files where ids may be texts and tokens dicts.

    Raises:
        ValueError: an id that is not an integer from 0 on, or something that is no token.
    """
    if not isinstance(tokens, dict):
        raise Trouble("tokenizer.added_dict", got=type(tokens).__name__)
    found = {}
    for index, value in tokens.items():
        if not str(index).isdecimal():
            raise Trouble("tokenizer.added_id", got=repr(index))
        if not isinstance(value, AddedToken):
            if not isinstance(value, dict) or not isinstance(value.get("content"), str):
                raise Trouble("tokenizer.added_token", index=index, got=repr(value))
            value = AddedToken.from_dict(value)
        found[int(index)] = value
    return found


def revive(value: Any) -> Any:
    """Dicts marked as added tokens, at any depth, as `AddedToken`s."""
    if isinstance(value, dict) and value.get("__type") == "AddedToken":
        return AddedToken.from_dict(value)
    if isinstance(value, (list, tuple)):
        return [revive(item) for item in value]
    if isinstance(value, dict):
        return {key: revive(item) for key, item in value.items()}
    return value


def plain(value: Any, typed: bool = False) -> Any:
    """The reverse of `revive`, for JSON; without `typed` the older form, which has no `special`."""
    if isinstance(value, AddedToken):
        fields = value.to_dict()
        if typed:
            return {**fields, "__type": "AddedToken"}
        fields.pop("special")
        return fields
    if isinstance(value, (list, tuple)):
        return [plain(item, typed) for item in value]
    if isinstance(value, dict):
        return {key: plain(item, typed) for key, item in value.items()}
    return value


def _json_of(files: Mapping[str, str], key: str) -> dict[str, Any]:
    if key not in files:
        return {}
    return read_json(files[key])
