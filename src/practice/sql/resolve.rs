//! BACKUP and RESTORE with their variables looked up.

use super::execute::operand_text;
use super::state::{State, undeclared};
use super::statement::{
    BackupCommand, BackupStatement, DeviceOperand, MediaDevice, Operand, OptionOperand,
    OptionValue, RestoreCommand, RestoreStatement, ValueOperand, WithOption,
};
use super::types;
use crate::practice::reply::Message;
use crate::practice::value::Value;

/// A statement for the backup engine.
pub enum Media {
    Backup(BackupStatement),
    Restore(RestoreStatement),
}

/// BACKUP.
pub fn backup(state: &State, command: &BackupCommand) -> Result<BackupStatement, Message> {
    Ok(BackupStatement {
        what: command.what,
        database: operand_text(state, &command.database)?,
        devices: devices(state, &command.devices)?,
        mirrors: command
            .mirrors
            .iter()
            .map(|m| devices(state, m))
            .collect::<Result<_, _>>()?,
        options: options(state, &command.options)?,
    })
}

/// RESTORE.
pub fn restore(state: &State, command: &RestoreCommand) -> Result<RestoreStatement, Message> {
    Ok(RestoreStatement {
        what: command.what,
        database: command
            .database
            .as_ref()
            .map(|name| operand_text(state, name))
            .transpose()?,
        devices: devices(state, &command.devices)?,
        options: options(state, &command.options)?,
    })
}

fn devices(state: &State, all: &[DeviceOperand]) -> Result<Vec<MediaDevice>, Message> {
    all.iter()
        .map(|device| {
            Ok(MediaDevice {
                medium: device.medium,
                name: operand_text(state, &device.name)?,
            })
        })
        .collect()
}

fn options(state: &State, all: &[OptionOperand]) -> Result<Vec<WithOption>, Message> {
    all.iter()
        .map(|option| {
            let value = match &option.value {
                ValueOperand::None => OptionValue::None,
                ValueOperand::One(operand) => one(state, operand)?,
                ValueOperand::List(list) => OptionValue::List(options(state, list)?),
                ValueOperand::Move { logical, to } => OptionValue::Move {
                    logical: operand_text(state, logical)?,
                    to: operand_text(state, to)?,
                },
            };
            Ok(WithOption {
                name: option.name.clone(),
                value,
            })
        })
        .collect()
}

fn one(state: &State, operand: &Operand) -> Result<OptionValue, Message> {
    Ok(match operand {
        Operand::Word(word) => OptionValue::Word(word.clone()),
        Operand::Text(text) => OptionValue::Text(text.clone()),
        Operand::Number(n) => OptionValue::Number(*n),
        Operand::Variable(name) => {
            let (ty, value) = state.variables.find(name).ok_or_else(|| undeclared(name))?;
            match value {
                Value::Int(n) if types::family(ty) == types::Family::Integer => {
                    OptionValue::Number(*n)
                }
                _ => OptionValue::Text(operand_text(state, operand)?),
            }
        }
    })
}
